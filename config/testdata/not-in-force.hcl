domain "acme" {
  repository "team" {}

  package_group "/npm/acme/*" {
    publish           = "ALLOW"
    external_upstream = "BLOCK"
    internal_upstream = "ALLOW_SPECIFIC_REPOSITORIES"

    internal_upstream_repositories = ["team"]
  }
  package_group "/npm/acme" { publish = "allow" }
  package_group "/npm/acme/*" { publish_repositories = ["taem"] }

  rule "cooldown" {
    match   = ["/npm/*", "/pypi/*", "/npm//left-pad$@>=1.2", "/nmp/*", "npm"]
    min_age = "3 d"
    except  = ["/npm/acme/*"]
  }
  retention "builds" {
    match     = ["/generic/*"]
    keep_last = 10
    max_idle  = "90d"
  }
  retention "builds" { match = ["/generic/*"] }
  encryption { key = "AAAA" }
}

forward {
  tunnel    = 3
  clients   = ["127.0.0.0/8", "everybody"]
  untrusted = "accept"
}
