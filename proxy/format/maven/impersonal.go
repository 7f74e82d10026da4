package maven

import "entrepot/proxy/format"

// Impersonal marks services whose answer does not depend on who asks: what there is of a snapshot.
func (Format) Impersonal(want format.Want) bool { return want.Action == format.Read }
