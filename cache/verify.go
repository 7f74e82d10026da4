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

// Compute reads r to its end and returns the sum of its bytes. An algorithm that is not known is an error.
func Compute(r io.Reader, algorithm string) (Sum, error) {
	s, err := newSummer([]Sum{{Algorithm: algorithm}})
	if err != nil {
		return Sum{}, err
	}
	if _, err := io.Copy(summing{s}, r); err != nil {
		return Sum{}, err
	}
	return s.sums()[0], nil
}

type summing struct{ *summer }

func (s summing) Write(p []byte) (int, error) {
	s.write(p)
	return len(p), nil
}
