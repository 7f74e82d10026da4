package lane

// Classes of bytes, of RFC 9110 §5.6.2 (token), §5.5 (field values, without obs-text) and RFC 3986.
const (
	tokenByte = 1 << iota
	valueByte
	visibleByte
	hostByte
	digitByte
	hexByte
)

var class = func() (t [256]uint8) {
	mark := func(from, to byte, bits uint8) {
		for c := int(from); c <= int(to); c++ {
			t[c] |= bits
		}
	}
	mark(' ', '~', valueByte)
	mark('\t', '\t', valueByte)
	mark('!', '~', visibleByte)
	mark('0', '9', tokenByte|hostByte|digitByte|hexByte)
	mark('a', 'z', tokenByte|hostByte)
	mark('A', 'Z', tokenByte|hostByte)
	mark('a', 'f', hexByte)
	mark('A', 'F', hexByte)
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tokenByte
	}
	for _, c := range "-._:[]" {
		t[c] |= hostByte
	}
	return t
}()

// all reports whether every byte of b is of that class.
func all(b []byte, bits uint8) bool {
	for _, c := range b {
		if class[c]&bits == 0 {
			return false
		}
	}
	return true
}
