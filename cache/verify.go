package cache

import "io"

// Verify reads r to its end and compares its bytes with the sums; blob.ErrCorrupt if one of them differs. A sum of an
// algorithm that is not known is an error too: what cannot be checked is not accepted.
func Verify(r io.Reader, sums []Sum) error {
	s, err := newSummer(sums)
	if err != nil || len(sums) == 0 {
		return err
	}
	if _, err := io.Copy(summing{s}, r); err != nil {
		return err
	}
	return s.verify()
}

type summing struct{ *summer }

func (s summing) Write(p []byte) (int, error) {
	s.write(p)
	return len(p), nil
}
