# cross-checks run although decoding failed
lissten = "127.0.0.1:8470"

domain "acme" {
  ownr = "111122223333"
  repository "team" {
    upstreams = ["shred"]
    colour    = "red"
  }
  repository "shared" {
    external_connection = "public:npmjs"
    external_connection = "public:pypi"
  }
  reposotory "other" {}
}
