package blob_test

import (
	"strings"
	"testing"

	"entrepot/cache/blob"
)

func TestParseDigest(t *testing.T) {
	sum := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{sum, true},
		{strings.ToUpper(sum), true},
		{"", false},
		{sum[:63], false},
		{sum + "0", false},
		{"g" + sum[1:], false},
		{"../" + sum[3:], false},
	} {
		d, err := blob.ParseDigest(tt.in)
		if (err == nil) != tt.ok || tt.ok && d != blob.Sum(nil) {
			t.Errorf("ParseDigest(%q) = %s, %v", tt.in, d, err)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(blob.Sum(nil).String())
	f.Add("../../../../etc/passwd")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := blob.ParseDigest(s); err == nil && d.String() != strings.ToLower(s) {
			t.Errorf("%q is read as %s", s, d)
		}
	})
}

func TestPinReleasesOnce(t *testing.T) {
	n := 0
	p := blob.NewPin(blob.Digest{}, 0, func() { n++ })
	p.Release()
	p.Release()
	(*blob.Pin)(nil).Release()
	if n != 1 {
		t.Errorf("released %d times", n)
	}
}
