package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsca "github.com/aws/aws-sdk-go-v2/service/codeartifact"
	"github.com/aws/aws-sdk-go-v2/service/codeartifact/types"

	"entrepot/bench/registry"
)

var registryVersion = registry.NPMVersion{Manifest: map[string]any{
	"description": "Lodash modular utilities.", "homepage": "https://lodash.example/", "license": "MIT",
	"repository":   map[string]any{"type": "git", "url": "git+https://code.example/lodash.git"},
	"dependencies": map[string]any{"@acme/core": "^1.0.0", "left-pad": "~1.3"}, "devDependencies": map[string]any{"qunit": "2"},
}, Files: map[string]string{"README.md": "# lodash\n"}}

// result is a value with the error that came with it.
type result[T any] struct {
	v   T
	err error
}

// take holds what a call returned.
func take[T any](v T, err error) result[T] { return result[T]{v, err} }

func (r result[T]) of(t *testing.T) T {
	t.Helper()
	return need(t, r.v, r.err)
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// get asks the data plane with a token of a key, and returns status and body.
func (l *lab) get(key, path string) (int, []byte) {
	l.Helper()
	token := take(l.as(key).GetAuthorizationToken(l.ctx, &awsca.GetAuthorizationTokenInput{Domain: acme})).of(l.T)
	req := take(http.NewRequestWithContext(l.ctx, "GET", l.p.url+path, nil)).of(l.T)
	req.Header.Set("Authorization", "Bearer "+*token.AuthorizationToken)
	resp := take(client.Do(req)).of(l.T)
	defer resp.Body.Close()
	return resp.StatusCode, take(io.ReadAll(resp.Body)).of(l.T)
}

const lodash = "lodash/-/lodash-4.17.21.tgz"

// publishNPM publishes as npm does, and returns the status.
func (l *lab) publishNPM(key, repository, name, version string) (int, string) {
	l.Helper()
	token := take(l.as(key).GetAuthorizationToken(l.ctx, &awsca.GetAuthorizationTokenInput{Domain: acme})).of(l.T)
	tarball := registry.New(registry.Options{}).AddNPM(name, version, registry.NPMVersion{})
	body := take(json.Marshal(map[string]any{
		"_id": name, "name": name, "dist-tags": map[string]string{"latest": version},
		"versions": map[string]any{version: map[string]any{"name": name, "version": version, "description": "ours"}},
		"_attachments": map[string]any{name + "-" + version + ".tgz": map[string]any{
			"content_type": "application/octet-stream", "length": len(tarball), "data": base64.StdEncoding.EncodeToString(tarball),
		}},
	})).of(l.T)
	req := take(http.NewRequestWithContext(l.ctx, "PUT", l.p.url+"npm/"+repository+"/"+strings.Replace(name, "/", "%2f", 1), bytes.NewReader(body))).of(l.T)
	req.Header.Set("Authorization", "Bearer "+*token.AuthorizationToken)
	req.Header.Set("Content-Type", "application/json")
	resp := take(client.Do(req)).of(l.T)
	defer resp.Body.Close()
	return resp.StatusCode, string(take(io.ReadAll(resp.Body)).of(l.T))
}

// packagesStory is the example of the user guide about retention: A, B behind it, C with the connection; lodash asked of A.
func packagesStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	l.repository("c-store")
	need(t, 0, second(api.AssociateExternalConnection(ctx, &awsca.AssociateExternalConnectionInput{Domain: acme, Repository: str("c-store"), ExternalConnection: str("public:npmjs")})))
	l.repository("b-middle", "c-store")
	l.repository("a-front", "b-middle")
	held := func(repository string) string {
		out := take(api.ListPackages(ctx, &awsca.ListPackagesInput{Domain: acme, Repository: &repository})).of(t)
		var names []string
		for _, p := range out.Packages {
			names = append(names, *p.Package)
		}
		return strings.Join(names, " ")
	}
	if status, _ := l.get("reader", "npm/a-front/"+lodash); status != 200 {
		t.Fatalf("install: %d", status)
	}
	if a, b, c := held("a-front"), held("b-middle"), held("c-store"); a != "lodash" || b != "" || c != "lodash" {
		t.Errorf("held in A: %q, B: %q, C: %q", a, b, c)
	}
	describe := func(repository string) (*awsca.DescribePackageVersionOutput, error) {
		return api.DescribePackageVersion(ctx, &awsca.DescribePackageVersionInput{Domain: acme, Repository: &repository, Format: "npm", Package: str("lodash"), PackageVersion: str("4.17.21")})
	}
	v := take(describe("a-front")).of(t).PackageVersion
	if *v.Summary != "Lodash modular utilities." || *v.HomePage != "https://lodash.example/" || !strings.Contains(*v.SourceCodeRepository, "code.example") ||
		len(v.Licenses) != 1 || *v.Licenses[0].Name != "MIT" || v.Status != "Published" || v.Origin.OriginType != "EXTERNAL" ||
		*v.Origin.DomainEntryPoint.ExternalConnectionName != "public:npmjs" || v.PublishedTime == nil {
		t.Errorf("described: %+v", v)
	}
	_, err := describe("b-middle")
	fails(t, err, "ResourceNotFound", "b-middle")
	needs := take(api.ListPackageVersionDependencies(ctx, &awsca.ListPackageVersionDependenciesInput{
		Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("lodash"), PackageVersion: str("4.17.21")})).of(t)
	if d := needs.Dependencies; len(d) != 3 || *d[0].Namespace != "acme" || *d[0].Package != "core" || *d[0].VersionRequirement != "^1.0.0" || *d[2].DependencyType != "dev" {
		t.Errorf("dependencies: %+v", d)
	}
	files := take(api.ListPackageVersionAssets(ctx, &awsca.ListPackageVersionAssetsInput{
		Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("lodash"), PackageVersion: str("4.17.21")})).of(t)
	if a := files.Assets; len(a) != 1 || *a[0].Name != "package.tgz" || len(a[0].Hashes) != 4 || len(a[0].Hashes["SHA-512"]) != 128 {
		t.Errorf("assets: %+v", a)
	}
	readme := take(api.GetPackageVersionReadme(ctx, &awsca.GetPackageVersionReadmeInput{
		Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("lodash"), PackageVersion: str("4.17.21")})).of(t)
	if *readme.Readme != "# lodash\n" {
		t.Errorf("readme: %q", *readme.Readme)
	}
	p := take(api.DescribePackage(ctx, &awsca.DescribePackageInput{Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("lodash")})).of(t).Package
	if r := p.OriginConfiguration.Restrictions; r.Publish != "BLOCK" || r.Upstream != "ALLOW" {
		t.Errorf("controls of what was ingested: %+v", r)
	}
	_, err = api.DescribePackage(ctx, &awsca.DescribePackageInput{Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("nothing")})
	fails(t, err, "ResourceNotFound", "nothing")
	_, err = api.ListPackages(ctx, &awsca.ListPackagesInput{Domain: acme, Repository: str("a-front"), Namespace: str("acme")})
	fails(t, err, "Validation", "format")

	// Still there, and installable, when C is gone.
	need(t, 0, second(api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("b-middle"), Upstreams: []types.UpstreamRepository{}})))
	need(t, 0, second(api.DeleteRepository(ctx, &awsca.DeleteRepositoryInput{Domain: acme, Repository: str("c-store")})))
	if status, _ := l.get("reader", "npm/a-front/"+lodash); status != 200 {
		t.Errorf("without C: %d", status)
	}
	confusionStory(l)
}

// confusionStory: a name published inside is not taken from outside, and the refusal says which control did it.
func confusionStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	if status, body := l.publishNPM("publisher", "a-front", "inner", "1.0.0"); status >= 300 {
		t.Fatalf("publish: %d %s", status, body)
	}
	l.registry.AddNPM("inner", "99.0.0", registry.NPMVersion{})
	l.repository("c-again")
	need(t, 0, second(api.AssociateExternalConnection(ctx, &awsca.AssociateExternalConnectionInput{Domain: acme, Repository: str("c-again"), ExternalConnection: str("public:npmjs")})))
	need(t, 0, second(api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("a-front"), Upstreams: []types.UpstreamRepository{upstreamOf("c-again")}})))
	if status, _ := l.get("reader", "npm/a-front/inner/-/inner-99.0.0.tgz"); status != 404 {
		t.Errorf("the public version of an internal name: %d", status)
	}
	if _, body := l.get("reader", "npm/a-front/inner"); bytes.Contains(body, []byte("99.0.0")) {
		t.Errorf("it is listed: %s", body)
	}
	configure := func(publish types.AllowPublish, upstream types.AllowUpstream) {
		out := take(api.PutPackageOriginConfiguration(ctx, &awsca.PutPackageOriginConfigurationInput{Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("inner"),
			Restrictions: &types.PackageOriginRestrictions{Publish: publish, Upstream: upstream}})).of(t)
		if r := out.OriginConfiguration.Restrictions; r.Publish != publish || r.Upstream != upstream {
			t.Errorf("put: %+v", r)
		}
	}
	configure("ALLOW", "ALLOW")
	if status, _ := l.get("reader", "npm/a-front/inner/-/inner-99.0.0.tgz"); status != 200 {
		t.Errorf("when its controls allow upstream: %d", status)
	}
	configure("BLOCK", "BLOCK")
	if status, body := l.publishNPM("publisher", "a-front", "inner", "1.0.1"); status != 403 || !strings.Contains(body, "origin controls") {
		t.Errorf("publishing what is blocked: %d %s", status, body)
	}
	versions := take(api.ListPackageVersions(ctx, &awsca.ListPackageVersionsInput{Domain: acme, Repository: str("a-front"), Format: "npm", Package: str("inner"), OriginType: "INTERNAL"})).of(t)
	if len(versions.Versions) != 1 || *versions.DefaultDisplayVersion != "1.0.0" {
		t.Errorf("versions: %+v, %s", versions.Versions, *versions.DefaultDisplayVersion)
	}
}

// put publishes a file of a generic package.
func (l *lab) put(repository, version, asset, content string, unfinished bool) (*awsca.PublishPackageVersionOutput, error) {
	sum := sha256.Sum256([]byte(content))
	return l.as("publisher").PublishPackageVersion(l.ctx, &awsca.PublishPackageVersionInput{
		Domain: acme, Repository: &repository, Format: "generic", Namespace: str("tools"), Package: str("cli"), PackageVersion: &version,
		AssetName: &asset, AssetContent: strings.NewReader(content), AssetSHA256: str(hex.EncodeToString(sum[:])), Unfinished: &unfinished,
	})
}

func genericStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	l.repository("files")
	out := take(l.put("files", "1.0", "a b.txt", "hello", true)).of(t)
	if out.Status != "Unfinished" || out.Asset.Hashes["SHA-256"] == "" || out.Asset.Hashes["MD5"] == "" || *out.Asset.Size != 5 {
		t.Errorf("published: %+v %+v", out, out.Asset)
	}
	first := *out.VersionRevision
	out = take(l.put("files", "1.0", "b.txt", "world", false)).of(t)
	if out.Status != "Published" || *out.VersionRevision == first {
		t.Errorf("finished: %+v", out)
	}
	need(t, 0, second(l.put("files", "1.0", "b.txt", "world", false)))
	_, err := l.put("files", "1.0", "b.txt", "other", false)
	fails(t, err, "Conflict", "b.txt")
	_, err = l.put("files", "1.0", "c.txt", "late", false)
	fails(t, err, "Conflict", "c.txt")
	_, err = l.put("files", "1.0", "no/slash", "x", false)
	fails(t, err, "Validation", "assetName")
	_, err = l.put("nope", "1.0", "b.txt", "x", false)
	fails(t, err, "ResourceNotFound", "nope")
	empty := sha256.Sum256(nil)
	_, err = api.PublishPackageVersion(ctx, &awsca.PublishPackageVersionInput{Domain: acme, Repository: str("files"), Format: "npm", Package: str("cli"), PackageVersion: str("1"),
		AssetName: str("x"), AssetContent: strings.NewReader(""), AssetSHA256: str(hex.EncodeToString(empty[:]))})
	fails(t, err, "Validation", "generic")
	_, err = api.PublishPackageVersion(ctx, &awsca.PublishPackageVersionInput{Domain: acme, Repository: str("files"), Format: "generic", Package: str("cli"), PackageVersion: str("1"),
		AssetName: str("x"), AssetContent: strings.NewReader(""), AssetSHA256: str(hex.EncodeToString(empty[:]))})
	fails(t, err, "Validation", "namespace")

	assets := take(api.ListPackageVersionAssets(ctx, &awsca.ListPackageVersionAssetsInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), PackageVersion: str("1.0")})).of(t)
	if len(assets.Assets) != 2 || *assets.Assets[0].Name != "a b.txt" {
		t.Errorf("assets: %+v", assets.Assets)
	}
	get := func(asset, revision string) (*awsca.GetPackageVersionAssetOutput, error) {
		in := &awsca.GetPackageVersionAssetInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), PackageVersion: str("1.0"), Asset: &asset}
		if revision != "" {
			in.PackageVersionRevision = &revision
		}
		return api.GetPackageVersionAsset(ctx, in)
	}
	got := take(get("a b.txt", *out.VersionRevision)).of(t)
	if b := take(io.ReadAll(got.Asset)).of(t); string(b) != "hello" || *got.AssetName != "a b.txt" || *got.PackageVersion != "1.0" || *got.PackageVersionRevision != *out.VersionRevision {
		t.Errorf("asset: %q %+v", b, got)
	}
	_, err = get("a b.txt", first)
	fails(t, err, "Conflict", "revision")
	_, err = get("nothing", "")
	fails(t, err, "ResourceNotFound", "nothing")
	_, err = api.GetPackageVersionReadme(ctx, &awsca.GetPackageVersionReadmeInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), PackageVersion: str("1.0")})
	fails(t, err, "ResourceNotFound", "Readme")
}

// failure is what a bulk operation says about a version.
func failure(m map[string]types.PackageVersionError, version string) string {
	return string(m[version].ErrorCode) + ": " + aws.ToString(m[version].ErrorMessage)
}

func bulkStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	for _, v := range []string{"2.0", "2.1", "2.2"} {
		need(t, 0, second(l.put("files", v, "f", "content of "+v, false)))
	}
	update := func(target, expected types.PackageVersionStatus, revisions map[string]string, versions ...string) *awsca.UpdatePackageVersionsStatusOutput {
		return take(api.UpdatePackageVersionsStatus(ctx, &awsca.UpdatePackageVersionsStatusInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"),
			Package: str("cli"), Versions: versions, TargetStatus: target, ExpectedStatus: expected, VersionRevisions: revisions})).of(t)
	}
	out := update("Archived", "", nil, "2.0", "5.6.7")
	if got := failure(out.FailedVersions, "5.6.7"); got != "NOT_FOUND: Could not find version 5.6.7" {
		t.Errorf("absent: %s", got)
	}
	if got := failure(out.FailedVersions, "2.0"); got != "SKIPPED: version 2.0 is skipped" || len(out.SuccessfulVersions) != 0 {
		t.Errorf("beside it: %s", got)
	}
	out = update("Archived", "Unlisted", nil, "2.0")
	if got := failure(out.FailedVersions, "2.0"); got != "MISMATCHED_STATUS: current status: Published, expected status: Unlisted" {
		t.Errorf("status: %s", got)
	}
	out = update("Archived", "", map[string]string{"2.0": "another"}, "2.0")
	if got := failure(out.FailedVersions, "2.0"); !strings.HasPrefix(got, "MISMATCHED_REVISION: current revision: ") {
		t.Errorf("revision: %s", got)
	}
	out = update("Archived", "Published", nil, "2.0")
	if out.SuccessfulVersions["2.0"].Status != "Archived" {
		t.Errorf("archived: %+v", out)
	}
	asset := func(version string) error {
		return second(api.GetPackageVersionAsset(ctx, &awsca.GetPackageVersionAssetInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), PackageVersion: &version, Asset: str("f")}))
	}
	fails(t, asset("2.0"), "ResourceNotFound", "Archived")
	update("Unlisted", "", nil, "2.0")
	need(t, 0, asset("2.0"))
	_, err := api.UpdatePackageVersionsStatus(ctx, &awsca.UpdatePackageVersionsStatusInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"),
		Package: str("cli"), Versions: []string{"2.0"}, TargetStatus: "Disposed"})
	fails(t, err, "Validation", "target")

	disposed := take(api.DisposePackageVersions(ctx, &awsca.DisposePackageVersionsInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), Versions: []string{"2.1"}})).of(t)
	if disposed.SuccessfulVersions["2.1"].Status != "Disposed" {
		t.Errorf("disposed: %+v", disposed)
	}
	fails(t, asset("2.1"), "ResourceNotFound", "Disposed")
	if got := failure(update("Published", "", nil, "2.1").FailedVersions, "2.1"); !strings.HasPrefix(got, "NOT_ALLOWED") {
		t.Errorf("back from disposed: %s", got)
	}
	deleted := take(api.DeletePackageVersions(ctx, &awsca.DeletePackageVersionsInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli"), Versions: []string{"2.1", "2.2"}})).of(t)
	if deleted.SuccessfulVersions["2.1"].Status != "Deleted" || len(deleted.FailedVersions) != 0 {
		t.Errorf("deleted: %+v", deleted)
	}
	need(t, 0, second(l.put("files", "2.2", "f", "other content", false)))
	gone := take(api.DeletePackage(ctx, &awsca.DeletePackageInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli")})).of(t)
	if *gone.DeletedPackage.Package != "cli" {
		t.Errorf("deleted: %+v", gone)
	}
	_, err = api.DeletePackage(ctx, &awsca.DeletePackageInput{Domain: acme, Repository: str("files"), Format: "generic", Namespace: str("tools"), Package: str("cli")})
	fails(t, err, "ResourceNotFound", "cli")
}

func copyStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	for _, name := range []string{"from", "to-one"} {
		l.repository(name)
	}
	l.repository("behind", "from")
	if status, body := l.publishNPM("publisher", "from", "@acme/lib", "1.0.0"); status >= 300 {
		t.Fatalf("publish: %d %s", status, body)
	}
	copied := func(from string, edit func(*awsca.CopyPackageVersionsInput)) (*awsca.CopyPackageVersionsOutput, error) {
		in := &awsca.CopyPackageVersionsInput{Domain: acme, SourceRepository: &from, DestinationRepository: str("to-one"), Format: "npm", Namespace: str("acme"), Package: str("lib"), Versions: []string{"1.0.0"}}
		if edit != nil {
			edit(in)
		}
		return api.CopyPackageVersions(ctx, in)
	}
	_, err := copied("behind", nil)
	fails(t, err, "ResourceNotFound", "behind")
	out := take(copied("behind", func(in *awsca.CopyPackageVersionsInput) { in.IncludeFromUpstream = aws.Bool(true) })).of(t)
	if out.SuccessfulVersions["1.0.0"].Status != "Published" {
		t.Errorf("copied: %+v", out)
	}
	if status, body := l.get("reader", "npm/to-one/@acme/lib/-/lib-1.0.0.tgz"); status != 200 || len(body) == 0 {
		t.Errorf("the copy: %d", status)
	}
	versions := take(api.ListPackageVersions(ctx, &awsca.ListPackageVersionsInput{Domain: acme, Repository: str("to-one"), Format: "npm", Namespace: str("acme"), Package: str("lib")})).of(t)
	if *versions.DefaultDisplayVersion != "1.0.0" {
		t.Errorf("its tag: %+v", versions)
	}
	out = take(copied("from", nil)).of(t)
	if len(out.SuccessfulVersions)+len(out.FailedVersions) != 0 {
		t.Errorf("copied again: %+v", out)
	}
	_, err = copied("from", func(in *awsca.CopyPackageVersionsInput) { in.VersionRevisions = map[string]string{"1.0.0": "x"} })
	fails(t, err, "Validation", "not both")
	out = take(copied("from", func(in *awsca.CopyPackageVersionsInput) {
		in.Versions, in.VersionRevisions = nil, map[string]string{"1.0.0": "x"}
	})).of(t)
	if got := failure(out.FailedVersions, "1.0.0"); !strings.HasPrefix(got, "MISMATCHED_REVISION") {
		t.Errorf("locked: %s", got)
	}
}
