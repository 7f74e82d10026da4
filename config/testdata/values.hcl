listen          = "8470"
public_url      = "packages.example"
hosts           = ["packages.example", "*.packages.example", "http://packages.example", "::1"]
trusted_proxies = ["10.0.0.1", "10.0.0.0/33"]
region          = "US East"
log_level       = "warning"

tls { cert = "tls.crt" }

storage {
  memory   = "16MiB"
  max_size = "50 GigaBytes"
}

connection "public:npmjs" { fresh = "five minutes" }

domain "acme" {
  owner = 111122223333
  repository "team" { description = ["no", "text"] }
}
