package blob_test

import (
	"testing"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

func openDisk(t testing.TB, dir string, o blob.DiskOptions) *blob.Disk {
	t.Helper()
	d, err := blob.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDisk(t *testing.T) {
	for name, files := range map[string]int{"Default": 0, "OneOpenFile": 1, "NoOpenFiles": -1} {
		t.Run(name, func(t *testing.T) {
			blobtest.Test(t, func(t *testing.T) blob.Store {
				return openDisk(t, t.TempDir(), blob.DiskOptions{OpenFiles: files})
			})
		})
	}
}
