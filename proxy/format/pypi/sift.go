package pypi

import (
	"time"

	"entrepot/cache"
)

// Sift leaves out the files that were uploaded at a time that admit refuses. The fragment stays as it is if there are none.
func (Format) Sift(raw cache.Fragment, admit func(published time.Time) bool) (cache.Fragment, error) {
	var left []byte
	refused := false
	err := eachFile(raw, func(object []byte) error {
		f, err := readFile(object)
		if err != nil {
			return err
		}
		if !admit(f.time()) {
			refused = true
			return nil
		}
		if len(left) > 0 {
			left = append(left, ',')
		}
		left = append(left, object...)
		return nil
	})
	if err != nil || !refused {
		return raw, err
	}
	return bytesFragment(left), nil
}
