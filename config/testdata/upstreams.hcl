domain "acme" {
  repository "npm-store" { external_connection = "public:npmjs" }
  repository "shared"    { upstreams = ["npm-stor"] }

  # a cycle of three, one of one
  repository "red"   { upstreams = ["green"] }
  repository "green" { upstreams = ["npm-store", "blue"] }
  repository "blue"  { upstreams = ["red"] }
  repository "own"   { upstreams = ["own"] }

  repository "both" {
    upstreams           = ["shared"]
    external_connection = "public:pypi"
  }
  repository "two"   { external_connection = ["public:npmjs", "public:pypi"] }
  repository "again" { upstreams = ["shared", "shared"] }
  repository "near"  { external_connection = "public:npm" }
  repository "far"   { external_connection = "private:corp" }
  repository "eleven" {
    upstreams = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11"]
  }
  repository "r1" {}
  repository "r2" {}
  repository "r3" {}
  repository "r4" {}
  repository "r5" {}
  repository "r6" {}
  repository "r7" {}
  repository "r8" {}
  repository "r9" {}
  repository "r10" {}
  repository "r11" {}

  default_repository = "shraed"
}
