package blob

import (
	"errors"
	"fmt"
	"math"
	"sync"
)

// ErrFull reports bytes for which the disk, or what the store may use of it, has no room. What a spool took before
// remains readable until it is closed.
var ErrFull = errors.New("no room on the disk")

// reserveStep is how many bytes a spool of unknown size reserves at a time. It makes for one statfs, about 1 µs, in
// each 1 ms that writing and hashing take.
const reserveStep = 1 << 20

// Usage is what a Disk takes.
type Usage struct {
	Blobs    int64 // bytes of named blobs; of those counted so far, while Counted is false
	Spools   int64 // bytes written and not named
	Reserved int64 // bytes promised to spools and not written yet
	Counted  bool  // all blobs that were here before are counted
}

// space keeps account of the disk, so that spools which grow at the same time cannot overrun it together.
type space struct {
	o    DiskOptions
	free func() (int64, error) // bytes left on the file system

	mu    sync.Mutex // guards usage
	usage Usage

	shards [256]struct {
		mu      sync.Mutex // held while a name in this directory appears or goes, and while the directory is counted
		counted bool       // guarded by mu. Until then, blobs in the directory are not in usage
	}
}

// reserve promises n bytes to a spool, or returns ErrFull.
func (s *space) reserve(n int64) error {
	free := int64(math.MaxInt64)
	if s.o.MinFree >= 0 {
		var err error
		if free, err = s.free(); err != nil {
			return err
		}
		free -= s.o.MinFree
	}
	s.mu.Lock()
	u := &s.usage
	ok := n <= free-u.Reserved && (s.o.MaxSize <= 0 || n <= s.o.MaxSize-u.Blobs-u.Spools-u.Reserved)
	if ok {
		u.Reserved += n
	}
	s.mu.Unlock()
	if ok {
		return nil
	}
	if s.o.OnFull != nil {
		s.o.OnFull(n)
	}
	return fmt.Errorf("%d bytes: %w", n, ErrFull)
}

// add changes the account of spools.
func (s *space) add(spools, reserved int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.Spools += spools
	s.usage.Reserved += reserved
}

// change calls do, which makes or removes a name of dg and so changes the bytes in blobs by n.
func (s *space) change(dg Digest, n int64, do func() error) error {
	sh := &s.shards[dg[0]]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	if sh.counted {
		s.mu.Lock()
		s.usage.Blobs += n
		s.mu.Unlock()
	}
	return nil
}

// Usage returns what the store takes. The first call starts to count what is there, and does not wait for it.
func (d *Disk) Usage() Usage {
	d.startCounting()
	d.space.mu.Lock()
	defer d.space.mu.Unlock()
	return d.space.usage
}

// startCounting counts the blobs behind the back of whoever needs their number first, so that a store of any size opens
// at once.
func (d *Disk) startCounting() {
	d.measure.Do(func() { d.counting.Go(d.count) })
}

// count adds up the blobs, one directory after the other. Names in a directory that is being counted wait: 1 ms for
// the 400 blobs that each directory of a store of 100,000 has.
func (d *Disk) count() {
	for i := range d.space.shards {
		sh := &d.space.shards[i]
		sh.mu.Lock()
		var sum int64
		ok := true
		d.shard(d.ctx, byte(i), func(info Info, err error) bool {
			sum += info.Size
			ok = err == nil
			return ok
		})
		if !ok { // closed, or a directory that cannot be read: Counted stays false
			sh.mu.Unlock()
			return
		}
		sh.counted = true
		d.space.mu.Lock()
		d.space.usage.Blobs += sum
		d.space.mu.Unlock()
		sh.mu.Unlock()
	}
	d.space.mu.Lock()
	d.space.usage.Counted = true
	d.space.mu.Unlock()
}

// Free returns how many bytes the file system of dir gives to us.
func Free(dir string) (int64, error) { return freeSpace(dir) }
