domain "acme" {
  repository "team" {}

  rule "nothing" { match = ["/npm/*"] }
  rule "undated" {
    match   = ["/go/*", "/*", "/npm/*"]
    min_age = "3d"
  }
  rule "someday" {
    match        = ["/npm/*"]
    freeze_after = "tomorrow"
    mode         = "warn"
  }
}
