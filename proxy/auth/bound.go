package auth

// Bound reports whether the principal's token may only be used from certain addresses, so that what it may do does not
// follow from the credential alone.
func (p *Principal) Bound() bool { return len(p.cidr) > 0 }
