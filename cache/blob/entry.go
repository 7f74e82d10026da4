package blob

import "context"

// entry is what a Disk knows of a digest that is in use. All of it is guarded by Disk.mu. It is in Disk.entries as long
// as one of its fields is set.
type entry struct {
	pins    int           // Files and Pins; the blob is not removed while there are any
	busy    chan struct{} // set while one goroutine opens, names or removes the blob; closed when it is done
	waiting int           // goroutines that wait for busy
	open    *handle       // set while the open-file cache has the blob
}

// enter waits until nobody opens, names or removes the blob, and keeps others from it until leave. Only a Disk's own
// methods come between, so that a pin taken inside cannot miss a removal, nor a removal a pin.
func (d *Disk) enter(ctx context.Context, dg Digest) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[dg]
	if e == nil {
		e = new(entry)
		d.entries[dg] = e
	}
	for e.busy != nil {
		if err := d.wait(ctx, e); err != nil {
			d.tidy(dg, e)
			return nil, err
		}
	}
	e.busy = make(chan struct{})
	return e, nil
}

// wait lets go of d.mu until the one that is busy with e is done, or ctx is.
func (d *Disk) wait(ctx context.Context, e *entry) error {
	busy := e.busy
	e.waiting++
	d.mu.Unlock()
	var err error
	select {
	case <-busy:
	case <-ctx.Done():
		err = ctx.Err()
	}
	d.mu.Lock()
	e.waiting--
	return err
}

func (d *Disk) leave(dg Digest, e *entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(e.busy)
	e.busy = nil
	d.tidy(dg, e)
}

// tidy forgets an entry that nobody uses. The caller holds d.mu.
func (d *Disk) tidy(dg Digest, e *entry) {
	if e.pins == 0 && e.busy == nil && e.waiting == 0 && e.open == nil {
		delete(d.entries, dg)
	}
}

// pin returns a pin of a digest whose entry the caller is inside of.
func (d *Disk) pin(dg Digest, e *entry, size int64) *Pin {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.pins++
	return NewPin(dg, size, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		e.pins--
		d.tidy(dg, e)
	})
}

// forget drops what is known of a blob's file, because the file is to go or has changed. The caller holds d.mu, and
// calls closeUnused on what it gets when it no longer does.
func (d *Disk) forget(dg Digest, e *entry) *handle {
	delete(d.verified, dg)
	if e.open == nil {
		return nil
	}
	return d.uncache(e.open)
}

// maxStamps is how many verified blobs are remembered: 56 bytes each, so some 20 MB when all are used. One that is
// dropped costs its next reader a verification.
const maxStamps = 1 << 18

// remember notes that a blob that looks like st has the right bytes. The caller holds d.mu.
func (d *Disk) remember(dg Digest, st stamp) {
	for old := range d.verified {
		if len(d.verified) < maxStamps {
			break
		}
		delete(d.verified, old)
	}
	d.verified[dg] = st
}

// stored returns what the file of that name looks like now.
func (d *Disk) stored(dg Digest) (stamp, error) {
	f, err := d.root.Open(blobName(dg))
	if err != nil {
		return stamp{}, err
	}
	defer f.Close()
	return stampOf(f)
}

// good reports whether st is what the blob looked like when its bytes were known to be right.
func (d *Disk) good(dg Digest, st stamp) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, ok := d.verified[dg]
	return ok && was == st
}
