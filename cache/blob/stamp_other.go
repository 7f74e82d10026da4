//go:build !linux && !darwin

package blob

import "os"

// stampOf asks the open file. Size and modification time have to do.
func stampOf(f *os.File) (stamp, error) {
	fi, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stamp{size: fi.Size(), mtime: fi.ModTime().UnixNano()}, nil
}
