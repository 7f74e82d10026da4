listen     = ":8470"
public_url = "https://packages.example/base/"
tls { self = true }
storage { memory = size("1GiB") / 2 }
connection "private:corp" {
  url    = "http://10.0.0.5:8080/npm/"
  format = "npm"
  fresh  = 90
  proxy  = "none"
  auth {
    netrc = "netrc"
  }
}
domain "acme" {
  walk = "strict"
  repository "corp-store" { external_connection = "private:corp" }
  repository "team" {
    upstreams = ["corp-store"]
    walk      = "safe"
  }
}
