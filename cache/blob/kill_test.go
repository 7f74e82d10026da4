package blob_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// killDir is set in the process that TestKill starts and kills.
const killDir = "ENTREPOT_TEST_BLOB_KILL_DIR"

// TestKill kills a process that stores blobs, and wants the next one to find all that were acknowledged, none torn, and
// nothing else.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		storeUntilKilled(t, dir)
	}
	dir := t.TempDir()
	var acknowledged []blob.Digest
	for _, lines := range []int{1, 40, 150} {
		acknowledged = append(acknowledged, killAfter(t, dir, lines)...)
		s := openDisk(t, dir, blob.DiskOptions{})
		if left, err := os.ReadDir(filepath.Join(dir, "spool")); err != nil || len(left) != 0 {
			t.Errorf("%d spools are left, %v", len(left), err)
		}
		for _, d := range acknowledged {
			if _, err := blobtest.Get(t.Context(), s, d); err != nil {
				t.Errorf("an acknowledged blob: %v", err)
			}
		}
		for info, err := range s.All(t.Context()) {
			check(t, err)
			check(t, s.Verify(t.Context(), info.Digest))
		}
		check(t, s.Close())
	}
}

// killAfter starts a process that stores blobs in dir, kills it when it has acknowledged n, and returns all it has.
func killAfter(t *testing.T, dir string, n int) []blob.Digest {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	var got []blob.Digest
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if d, err := blob.ParseDigest(lines.Text()); err == nil { // the last line may be cut
			got = append(got, d)
		}
		if len(got) == n {
			check(t, cmd.Process.Kill())
		}
	}
	cmd.Wait() // it was killed
	if len(got) < n {
		t.Fatalf("the process acknowledged %d blobs, want %d", len(got), n)
	}
	return got
}

// storeUntilKilled stores blobs, every fourth durably, and prints their digests when they are.
func storeUntilKilled(t *testing.T, dir string) {
	s := openDisk(t, dir, blob.DiskOptions{})
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				b := make([]byte, rand.IntN(100_000))
				for j := range b {
					b[j] = byte(rand.Uint32())
				}
				sp, err := s.Spool(t.Context(), blob.SpoolOptions{Durable: i%4 == 0})
				if err != nil {
					panic(err)
				}
				if _, err := sp.Write(b); err != nil {
					panic(err)
				}
				pin, err := sp.Commit(t.Context(), nil)
				if err != nil {
					panic(err)
				}
				fmt.Println(pin.Digest)
				sp.Close()
			}
		}()
	}
	select {}
}
