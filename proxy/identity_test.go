package proxy

import "entrepot/proxy/format/npm"

// A person can complete npm's login in a browser.
var _ npm.WebLogin = (*identity)(nil)
