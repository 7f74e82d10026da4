package golang

import "entrepot/proxy/format"

// Impersonal marks services whose answer does not depend on who asks: the checksum database's tiles and look-ups.
func (*Format) Impersonal(format.Want) bool { return true }
