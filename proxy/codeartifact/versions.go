package codeartifact

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/proxy/format"
)

// versionPage is how many versions a page has if the client does not say (the model's documentation).
const versionPage = 50

func origin(o cache.Origin) object {
	if o.Internal() {
		return object{"originType": "INTERNAL", "domainEntryPoint": object{"repositoryName": o.Repository}}
	}
	return object{"originType": "EXTERNAL", "domainEntryPoint": object{"externalConnectionName": o.Connection}}
}

func statusOf(v *cache.Stored) cache.Status {
	if v.Status == "" {
		return cache.Published
	}
	return v.Status
}

// revisionOfVersion names a version's state. What was retained before revisions were kept has one all the same.
func revisionOfVersion(v *cache.Stored) string {
	if v.Revision != "" {
		return v.Revision
	}
	return revisionOf(v.Origin.Connection + "\n" + v.Version)
}

func versionSummary(v *cache.Stored) object {
	return object{"version": v.Version, "revision": revisionOfVersion(v), "status": statusOf(v), "origin": origin(v.Origin)}
}

func listPackageVersions(ctx context.Context, c *call) (any, error) {
	q := index.VersionQuery{
		Repository: c.repo.ID, Package: c.pkg, Status: cache.Status(c.in.text("status")), ByTime: c.in.has("sortBy"),
		Limit: int(c.in.number("maxResults", versionPage)) + 1,
	}
	switch c.in.text("originType") {
	case "INTERNAL", "EXTERNAL":
		internal := c.in.text("originType") == "INTERNAL"
		q.Internal = &internal
	case "UNKNOWN":
		q.Status = cache.Status("-") // every version's origin is known
	}
	place, err := c.after(2)
	if err != nil {
		return nil, err
	}
	if place != nil {
		q.After = place[0]
		micros, err := strconv.ParseInt(place[1], 10, 64)
		if err != nil {
			return nil, invalid(fieldInvalid, "The nextToken is not one that this operation gave")
		}
		q.AfterTime = time.UnixMicro(micros)
	}
	part, err := c.o.Index.Versions(ctx, q)
	if errors.Is(err, cache.ErrAbsent) {
		return nil, c.noPackage()
	}
	if err != nil {
		return nil, err
	}
	display, err := c.displayVersion(ctx, part.Tags)
	if err != nil {
		return nil, err
	}
	next, list := "", part.Versions
	if len(list) == q.Limit {
		list = list[:q.Limit-1]
		last := &list[len(list)-1]
		next = c.token(last.Version, strconv.FormatInt(micros(last.Published), 10))
	}
	out := make([]object, len(list))
	for i := range list {
		out[i] = versionSummary(&list[i])
	}
	return object{
		"format": c.pkg.Format, "namespace": c.pkg.Namespace, "package": c.pkg.Name, "defaultDisplayVersion": display,
		"versions": out, "nextToken": next,
	}, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// displayVersion is the version that stands for a package: npm's latest, else the one that was published last.
func (c *call) displayVersion(ctx context.Context, tags map[string]string) (string, error) {
	if v := tags["latest"]; v != "" && c.pkg.Format == "npm" {
		return v, nil
	}
	q := index.VersionQuery{Repository: c.repo.ID, Package: c.pkg, Status: cache.Published, ByTime: true, Limit: 1}
	newest, err := c.o.Index.Versions(ctx, q)
	if err != nil || len(newest.Versions) == 0 {
		return "", err
	}
	return newest.Versions[0].Version, nil
}

// version returns the version that a request names, as the repository itself holds it.
func (c *call) version(ctx context.Context) (*cache.Stored, error) {
	name := c.in.text("packageVersion")
	v, err := c.o.Index.Version(ctx, c.repo.ID, c.pkg, name)
	if errors.Is(err, cache.ErrAbsent) {
		return nil, c.noVersion(name)
	}
	return v, err
}

// open returns a function that opens a version's files.
func (c *call) open(ctx context.Context, v *cache.Stored) func(string) (blob.File, error) {
	return func(name string) (blob.File, error) {
		i := slices.IndexFunc(v.Assets, func(a cache.Asset) bool { return a.Name == name })
		if i < 0 || !v.Status.Served() {
			return nil, cache.ErrAbsent
		}
		f, err := c.domain.Blobs.Open(ctx, v.Assets[i].Digest)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, cache.ErrAbsent
		}
		return f, err
	}
}

// about is what the version says about itself, as far as its format can read it.
func (c *call) about(ctx context.Context, v *cache.Stored) (*format.Description, error) {
	d, ok := c.o.Formats[c.pkg.Format].(format.Describer)
	if !ok {
		return &format.Description{}, nil
	}
	about, err := d.Describe(ctx, v, c.open(ctx, v))
	if errors.Is(err, cache.ErrAbsent) {
		return &format.Description{}, nil
	}
	return about, err
}

func describePackageVersion(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	about, err := c.about(ctx, v)
	if err != nil {
		return nil, err
	}
	licenses := []object{}
	for _, l := range about.Licenses {
		licenses = append(licenses, object{"name": l.Name, "url": l.URL})
	}
	display := about.DisplayName
	if display == "" {
		display = c.pkg.Name
	}
	return object{"packageVersion": object{
		"format": c.pkg.Format, "namespace": c.pkg.Namespace, "packageName": c.pkg.Name, "displayName": display,
		"version": v.Version, "summary": about.Summary, "homePage": about.HomePage, "sourceCodeRepository": about.SourceCodeRepository,
		"publishedTime": seconds(v.Published), "licenses": licenses, "revision": revisionOfVersion(v), "status": statusOf(v),
		"origin": origin(v.Origin),
	}}, nil
}

// about whom a list below a version is.
func (c *call) heading(v *cache.Stored) object {
	return object{
		"format": c.pkg.Format, "namespace": c.pkg.Namespace, "package": c.pkg.Name, "version": v.Version, "versionRevision": revisionOfVersion(v),
	}
}

func getPackageVersionReadme(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	var text string
	err = cache.ErrAbsent
	if d, ok := c.o.Formats[c.pkg.Format].(format.Describer); ok {
		text, err = d.Readme(ctx, v, c.open(ctx, v))
	}
	if errors.Is(err, cache.ErrAbsent) {
		return nil, absent("package-version", c.pkg.String()+"/"+v.Version, "Readme not found: %s %s has none", c.pkg, v.Version)
	}
	out := c.heading(v)
	out["readme"] = text
	return out, err
}

// maxDependencies is how many dependencies a page has.
const maxDependencies = 1000

func listPackageVersionDependencies(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	about, err := c.about(ctx, v)
	if err != nil {
		return nil, err
	}
	place, err := c.after(1)
	if err != nil {
		return nil, err
	}
	list := about.Dependencies
	begin := 0
	if place != nil {
		if begin, err = strconv.Atoi(place[0]); err != nil || begin < 0 || begin > len(list) {
			return nil, invalid(fieldInvalid, "The nextToken is not one that this operation gave")
		}
	}
	out := c.heading(v)
	end := min(begin+maxDependencies, len(list))
	if end < len(list) {
		out["nextToken"] = c.token(strconv.Itoa(end))
	}
	needs := []object{}
	for _, d := range list[begin:end] {
		needs = append(needs, object{
			"namespace": d.Package.Namespace, "package": d.Package.Name, "dependencyType": d.Kind, "versionRequirement": d.Requirement,
		})
	}
	out["dependencies"] = needs
	return out, nil
}

// maxHashed bounds what one request may have read to compute checksums that were not kept: some 0.2 s of a processor.
const maxHashed = 64 << 20

// withSums returns an asset with all the checksums that the service shows, computed where they are not kept, as far as
// the budget goes.
func (c *call) withSums(ctx context.Context, a cache.Asset, budget *int64) cache.Asset {
	missing := map[string]hash.Hash{"md5": md5.New(), "sha1": sha1.New(), "sha512": sha512.New()}
	for _, s := range a.Sums {
		delete(missing, s.Algorithm)
	}
	if len(missing) == 0 || a.Size > *budget {
		return a
	}
	f, err := c.domain.Blobs.Open(ctx, a.Digest)
	if err != nil {
		return a // given up for space
	}
	defer f.Close()
	*budget -= a.Size
	writers := []io.Writer{}
	for _, h := range missing {
		writers = append(writers, h)
	}
	if _, err := io.Copy(io.MultiWriter(writers...), io.NewSectionReader(f, 0, f.Size())); err != nil {
		return a
	}
	a.Sums = slices.Clone(a.Sums)
	for algorithm, h := range missing {
		a.Sums = append(a.Sums, cache.Sum{Algorithm: algorithm, Value: h.Sum(nil)})
	}
	return a
}

// hashNames are the checksums' names on the wire.
var hashNames = map[string]string{"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}

func assetSummary(a *cache.Asset) object {
	hashes := map[string]string{"SHA-256": a.Digest.String()}
	for _, s := range a.Sums {
		if name := hashNames[s.Algorithm]; name != "" {
			hashes[name] = hexOf(s.Value)
		}
	}
	return object{"name": a.Name, "size": a.Size, "hashes": maps.Clone(hashes)}
}

func listPackageVersionAssets(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	list := slices.SortedFunc(slices.Values(v.Assets), func(a, b cache.Asset) int { return strings.Compare(a.Name, b.Name) })
	part, next, err := page(c, list, func(a cache.Asset) string { return a.Name })
	if err != nil {
		return nil, err
	}
	assets, budget := make([]object, len(part)), int64(maxHashed)
	for i := range part {
		a := c.withSums(ctx, part[i], &budget)
		assets[i] = assetSummary(&a)
	}
	out := c.heading(v)
	out["assets"], out["nextToken"] = assets, next
	return out, nil
}
