package index

import "testing"

// FuzzSums: whatever is read is written the same, and nothing crashes.
func FuzzSums(f *testing.F) {
	for _, s := range []string{"", "sha1:01ff", "sha1:01 sha512:02", "sha1:", ":", "sha1:0", " ", "sha1:00 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sums, err := parseSums(s)
		if err != nil {
			return
		}
		text, err := sumsText(sums)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		again, err := parseSums(text)
		if err != nil || len(again) != len(sums) {
			t.Fatalf("%q became %q: %v, %v", s, text, again, err)
		}
	})
}
