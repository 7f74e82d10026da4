storage { memory = "1MiB" }

domain "acme" {
  repository "team" { upstreams = ["shared", "team"] }
  repository "shared" { upstreams = [ }
  repository "other" {}
}
