connection "public:npmjs" {
  url    = "https://user:hunter2hunter2@registry.example/"
  format = "pypi"
}
connection "public:npmj" {}
connection "corp" { format = "npm" }
connection "private:bare" {}
connection "private:odd" { format = "nmp" }
connection "private:files" {
  url    = "registry.example"
  format = "npm"
  layout = "{name}/{version}"
}
connection "private:limits" {
  url    = "https://registry.example/?x=1"
  format = "npm"
  limit  = 5000
  fresh  = "40d"
  allow  = ["10.0.0.0/8", "ten"]
  sumdb  = "off"
}
connection "private:limits" { format = "npm" }
connection "private:auth" {
  format = "npm"
  auth {
    bearer = "in-the-file"
    basic {
      username = "ci"
      password = "hunter2"
    }
  }
}
connection "private:noauth" {
  format = "npm"
  auth {}
}
connection "private:aws" {
  format = "npm"
  auth {
    codeartifact {
      domain        = "Acme"
      region        = "us-east-1"
      access_key_id = "AKIAEXAMPLE000000001"
      duration      = "1m"
    }
  }
}
connection "public:go" { sumdb = "sum.registry.example+key" }
connection "private:builds" {
  format = "generic"
  url    = "https://files.registry.example/"
  layout = "{version}/{os}/{asset}"
}
connection "private:assets" {
  format = "generic"
  url    = "https://files.registry.example/"
  layout = "{namespace}/{package}/v{version}"
}
connection "private:releases" {
  format = "generic"
  url    = "https://files.registry.example/"
  layout = "{namespace}/{package}/releases/download/v{version}/{asset}"
}
