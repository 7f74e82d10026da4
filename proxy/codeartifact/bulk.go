package codeartifact

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"entrepot/cache"
)

// maxBulk is how many versions one request may name.
const maxBulk = 100

// bulk is a change of many versions: all of them, or none.
type bulk struct {
	c         *call
	names     []string
	revisions map[string]string // optimistic locks
	expected  cache.Status      // another; empty: none
	succeeded map[string]object
	failed    map[string]object
}

func (c *call) newBulk() (*bulk, error) {
	b := &bulk{
		c: c, names: c.in.texts("versions"), revisions: c.in.pairs("versionRevisions"), expected: cache.Status(c.in.text("expectedStatus")),
	}
	slices.Sort(b.names)
	b.names = slices.Compact(b.names)
	if len(b.names) == 0 && len(b.revisions) == 0 {
		return nil, constraint(nil, "versions", "Member must not be empty")
	}
	if len(b.names) > maxBulk || len(b.revisions) > maxBulk {
		return nil, constraint(nil, "versions", "Member must have length less than or equal to 100")
	}
	return b, nil
}

// errFailed undoes a change of which one part failed.
var errFailed = errors.New("one of the versions failed")

// each changes versions of a holding; after the first failure nothing is written, and the rest is reported as skipped.
func (b *bulk) each(h *cache.Holding, change func(v *cache.Stored) (status cache.Status, err *failure)) error {
	b.succeeded, b.failed = map[string]object{}, map[string]object{}
	for _, name := range b.names {
		v := h.Version(name)
		f := b.check(name, v)
		if f == nil {
			var status cache.Status
			revision := revisionOfVersion(v)
			if status, f = change(v); f == nil {
				b.succeeded[name] = object{"revision": revision, "status": status}
			}
		}
		if f != nil {
			b.failed[name] = f.object()
		}
	}
	return b.settle()
}

// settle turns what would have succeeded into skipped, if something failed.
func (b *bulk) settle() error {
	if len(b.failed) == 0 {
		return nil
	}
	for name := range b.succeeded {
		b.failed[name] = (&failure{"SKIPPED", fmt.Sprintf("version %s is skipped", name)}).object()
	}
	clear(b.succeeded)
	return errFailed
}

// check looks at the locks of a version.
func (b *bulk) check(name string, v *cache.Stored) *failure {
	if v == nil {
		return &failure{"NOT_FOUND", "Could not find version " + name}
	}
	if want := b.revisions[name]; want != "" && want != revisionOfVersion(v) {
		return &failure{"MISMATCHED_REVISION", fmt.Sprintf("current revision: %s, expected revision: %s", revisionOfVersion(v), want)}
	}
	if b.expected != "" && b.expected != statusOf(v) {
		return &failure{"MISMATCHED_STATUS", fmt.Sprintf("current status: %s, expected status: %s", statusOf(v), b.expected)}
	}
	return nil
}

// failure is why a version was not changed.
type failure struct{ code, message string }

func (f *failure) object() object { return object{"errorCode": f.code, "errorMessage": f.message} }

// answer is what a bulk operation answers: failures too are a success of HTTP.
func (b *bulk) answer(err error) (any, error) {
	if err != nil && !errors.Is(err, errFailed) {
		return nil, err
	}
	return object{"successfulVersions": b.succeeded, "failedVersions": b.failed}, nil
}

func deletePackageVersions(ctx context.Context, c *call) (any, error) {
	var gone []cache.Asset
	b, err := c.editVersions(ctx, func(b *bulk, h *cache.Holding) error {
		gone = gone[:0]
		err := b.each(h, func(v *cache.Stored) (cache.Status, *failure) {
			gone = append(gone, v.Assets...)
			return "Deleted", nil
		})
		if err == nil {
			h.Versions = slices.DeleteFunc(h.Versions, func(v cache.Stored) bool { return b.succeeded[v.Version] != nil })
			maps.DeleteFunc(h.Tags, func(_, version string) bool { return b.succeeded[version] != nil })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(b.failed) == 0 {
		err = c.free(ctx, gone)
	}
	return b.answer(err)
}

func disposePackageVersions(ctx context.Context, c *call) (any, error) {
	var gone []cache.Asset
	b, err := c.editVersions(ctx, func(b *bulk, h *cache.Holding) error {
		gone = gone[:0]
		return b.each(h, func(v *cache.Stored) (cache.Status, *failure) {
			gone = append(gone, v.Assets...)
			v.Status, v.Assets = cache.Disposed, nil
			return cache.Disposed, nil
		})
	})
	if err != nil {
		return nil, err
	}
	if len(b.failed) == 0 {
		err = c.free(ctx, gone)
	}
	return b.answer(err)
}

func updatePackageVersionsStatus(ctx context.Context, c *call) (any, error) {
	target := cache.Status(c.in.text("targetStatus"))
	if target != cache.Published && target != cache.Unlisted && target != cache.Archived {
		return nil, invalid(fieldInvalid, "the target status is Published, Unlisted or Archived, not %s", target)
	}
	b, err := c.editVersions(ctx, func(b *bulk, h *cache.Holding) error {
		return b.each(h, func(v *cache.Stored) (cache.Status, *failure) {
			from := statusOf(v)
			if from == cache.Disposed || from == cache.Unfinished && target != cache.Published {
				return "", &failure{"NOT_ALLOWED", fmt.Sprintf("a version cannot go from status %s to %s", from, target)}
			}
			v.Status = target
			return target, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return b.answer(nil)
}

// editVersions carries out a bulk change in one transaction.
func (c *call) editVersions(ctx context.Context, edit func(*bulk, *cache.Holding) error) (*bulk, error) {
	b, err := c.newBulk()
	if err != nil {
		return nil, err
	}
	if _, err := c.shelf(ctx); err != nil {
		return nil, err
	}
	err = c.editPackage(ctx, func(h *cache.Holding) error { return edit(b, h) })
	if errors.Is(err, errFailed) {
		err = nil
	}
	return b, err
}
