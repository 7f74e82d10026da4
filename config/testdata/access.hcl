access {
  anonymous = "write"

  key "ci" {
    access_key_id = "short"
    secret        = "hunter2"
    account       = "12"
    policy        = "root"
  }
  key "ci" {
    access_key_id = "AKIAEXAMPLE000000001"
    secret        = env("ENTREPOT_TEST_SECRET")
  }
  key "other" {
    access_key_id = "AKIAEXAMPLE000000001"
    secret        = env("ENTREPOT_TEST_SECRET")
  }
  token "has space" { secret = "sixteen-characters" }
  token "policy" {
    secret = "sixteen-characters"
    policy = "{\"Statement\": "
  }
  user "anna" { password = "short" }
}
