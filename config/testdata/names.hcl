domain "My_Domain" {
  owner = "1111"
  repository "a" {}
  repository "-lead" {}
  repository "team" {}
  repository "team" {}
}

domain "twice" { default_repository = "nowhere" }
domain "twice" {
  walk     = "stricct"
  npm_tags = "newest"
  policy   = "{\"Version\": \"2012-10-17\"}"
}
