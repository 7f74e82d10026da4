package codeartifact

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/upstream"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func getPackageVersionAsset(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	name := c.in.text("asset")
	id := c.pkg.String() + "/" + v.Version + "/" + name
	if want := c.in.text("packageVersionRevision"); want != "" && want != revisionOfVersion(v) {
		return nil, conflict("package-version", id, "current revision: %s, expected revision: %s", revisionOfVersion(v), want)
	}
	i := slices.IndexFunc(v.Assets, func(a cache.Asset) bool { return a.Name == name })
	if i < 0 || !v.Status.Served() && v.Status != cache.Unfinished {
		return nil, absent("asset", id, "Asset not found: %s of %s %s, whose status is %s", name, c.pkg, v.Version, statusOf(v))
	}
	f, err := c.domain.Blobs.Open(ctx, v.Assets[i].Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent("asset", id, "Asset not found: the bytes of %s were given up for space; a package manager's request brings them back", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(f.Size(), 10))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-AssetName", headerText(name))
	h.Set("X-PackageVersion", headerText(v.Version))
	h.Set("X-PackageVersionRevision", revisionOfVersion(v))
	c.w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(c.w, io.NewSectionReader(f, 0, f.Size())); err != nil {
		panic(http.ErrAbortHandler) // the head is out: an unfinished body must not look whole
	}
	return nil, nil
}

// headerText escapes what a header cannot carry.
func headerText(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return url.PathEscape(s)
		}
	}
	return s
}

// maxAsset is the service's quota for one file.
const maxAsset = 5 << 30

// assetName is what the files of generic packages may be called (user guide, "Generic packages").
var assetName = regexp.MustCompile(`^[A-Za-z0-9~!@^&()\-_+\[\]{};,.]+( [A-Za-z0-9~!@^&()\-_+\[\]{};,.]+)*$`)

func publishPackageVersion(ctx context.Context, c *call) (any, error) {
	name, version := c.in.text("assetName"), c.in.text("packageVersion")
	if c.pkg.Format != "generic" {
		return nil, invalid(fieldInvalid, "only packages of format generic are published so; use the package manager of %s", c.pkg.Format)
	}
	if !assetName.MatchString(name) || name == "." || name == ".." {
		return nil, constraint(name, "assetName", "Member must be letters, digits, ~!@^&()-_+[]{};,. and single spaces within")
	}
	asset, pin, err := c.receive(ctx, name)
	if err != nil {
		return nil, err
	}
	defer pin.Release()
	status := cache.Published
	if c.in.flag("unfinished") {
		status = cache.Unfinished
	}
	err = c.repo.Publish(ctx, upstream.Publication{
		Package: c.pkg, Merge: true, Once: true,
		Version: cache.Stored{Version: version, Status: status, Assets: []cache.Asset{asset}},
	})
	if errors.Is(err, cache.ErrConflict) {
		return nil, conflict("package-version", c.pkg.String()+"/"+version, "%s of %s %s cannot be published: %v", name, c.pkg, version, err)
	}
	if err != nil {
		return nil, err
	}
	v, err := c.o.Index.Version(ctx, c.repo.ID, c.pkg, version)
	if err != nil {
		return nil, err
	}
	out := c.heading(v)
	out["status"], out["asset"] = statusOf(v), assetSummary(&asset)
	return out, nil
}

// receive stores the body, if it is what the client signed: bytes before row, and on the disk.
func (c *call) receive(ctx context.Context, name string) (cache.Asset, *blob.Pin, error) {
	want, err := blob.ParseDigest(c.in.text("assetSHA256"))
	if err != nil {
		return cache.Asset{}, nil, invalid(fieldInvalid, "x-amz-content-sha256 is not a SHA-256 in hex")
	}
	spool, err := c.domain.Blobs.Spool(ctx, blob.SpoolOptions{Durable: true})
	if err != nil {
		return cache.Asset{}, nil, err
	}
	defer spool.Close()
	sums := map[string]hash.Hash{"md5": md5.New(), "sha1": sha1.New(), "sha512": sha512.New()}
	n, err := io.Copy(io.MultiWriter(spool, sums["md5"], sums["sha1"], sums["sha512"]), io.LimitReader(c.body, maxAsset+1))
	if err != nil {
		return cache.Asset{}, nil, err
	}
	if n > maxAsset {
		return cache.Asset{}, nil, overQuota("asset", name, "an asset has at most %d bytes", int64(maxAsset))
	}
	pin, err := spool.Commit(ctx, nil)
	if err != nil {
		return cache.Asset{}, nil, err
	}
	if pin.Digest != want {
		pin.Release()
		return cache.Asset{}, nil, invalid(otherReason, "the SHA-256 of the body is %s, and x-amz-content-sha256 says %s", pin.Digest, want)
	}
	a := cache.Asset{Name: name, Digest: pin.Digest, Size: pin.Size}
	for _, algorithm := range []string{"md5", "sha1", "sha512"} {
		a.Sums = append(a.Sums, cache.Sum{Algorithm: algorithm, Value: sums[algorithm].Sum(nil)})
	}
	return a, pin, nil
}
