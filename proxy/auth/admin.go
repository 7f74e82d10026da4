package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// AdminToken makes the administrator's first token and writes it to a file that only the present user can read. It
// reports whether it did: a file that exists is left alone, whatever is in it, so that a revoked token does not come
// back. The token's row is stored first; what a crash leaves is a row that nobody has the token of.
func (a *Authority) AdminToken(ctx context.Context, file string) (created bool, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	secret, _, err := a.IssueTo(ctx, Administrator, Request{Note: "written at the first start"})
	if err == nil {
		err = writeSecret(file, secret+"\n")
	}
	if err != nil {
		return false, fmt.Errorf("administrator's token: %w", err)
	}
	return true, nil
}

// writeSecret writes a file whole or not at all, with mode 0600 from its first byte.
func writeSecret(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".secret-*") // creates with 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
