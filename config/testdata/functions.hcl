connection "public:npmjs" { url = env("ENTREPOT_TEST_REGISTY") }
connection "public:pypi"  { url = env("NOTHING_LIKE_IT_IS_SET") }
connection "public:go"    { url = env("NOTHING_LIKE_IT_IS_SET", "https://registry.example/go") }

storage {
  memory   = size("1GB") / 4
  max_size = size("1XB")
}

domain "acme" {
  policy = file("missing-policy.json")
  repository "team" { policy = fil("x") }
}

access {
  token "ci" { secret = file("functions.secret") }
}
