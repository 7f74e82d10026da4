// Package format is the contract between the engine and a package manager's protocol.
//
// A Format parses requests, reads a registry's documents through a Getter, and encodes merged listings. It is
// stateless and knows nothing of repositories, policy, caching or credentials: the engine decides, fetches and serves.
// So a format cannot forget a policy, and a protocol is tested with tables, goldens and fuzzing, without a server
// (see formattest).
package format

import (
	"context"
	"io"
	"net/http"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// Format is one protocol.
type Format interface {
	// Name is the format's name in paths, patterns and the index: "npm", "go" …
	Name() string
	// Recognise reports whether a request to an unknown host speaks this protocol.
	Recognise(r *http.Request) bool
	// Parse says what a request asks for. path is what follows the repository's endpoint, still escaped and without a
	// leading slash. Errors are cache.ErrAbsent, *cache.Invalid or what the engine then answers with 400.
	Parse(r *http.Request, path string) (Want, error)
	// Listing reads what a registry says about a package, from as many documents as the protocol needs.
	Listing(ctx context.Context, p cache.Package, get Getter) (*cache.Listing, error)
	// Locate says where a registry keeps an asset and what it promises about it. l is the registry's listing;
	// cache.ErrAbsent if it has no such version or file.
	Locate(a cache.AssetKey, l *cache.Listing) (Ref, error)
	// Encode writes a (merged) listing in the protocol's form. Versions that are refused or not listed stay out.
	Encode(w io.Writer, l *cache.Listing, v View) error
}

// Servicer is a format with requests beyond reading a package's index and its assets: publishing, search, tags …
type Servicer interface {
	// Serve answers a Want of kind Upload or Service. The engine has checked that the principal may do Want.Action.
	Serve(w http.ResponseWriter, r *http.Request, want Want, v View, d Desk) error
}

// Explainer is a format with its own form of errors; others answer in plain text. It writes status and body; the
// engine has set the headers of design §5.
type Explainer interface {
	Explain(w http.ResponseWriter, status int, message string)
}

// Challenger is a format whose clients understand a WWW-Authenticate header of their own, beside Basic. base is
// View.Base.
type Challenger interface {
	Challenge(base string) string
}

// Verifier is a format that can check an asset against more than Ref.Sums (Go: the checksum database). It is called
// before the bytes are stored; any error refuses them.
type Verifier interface {
	Verify(ctx context.Context, a cache.AssetKey, r io.ReaderAt, size int64, get Getter) error
}

// Promiser is a format whose registries say what they promise about an asset beside it (Maven: header or .sha1). It is
// asked when the head of the answer with the asset has come, and what it returns counts as Ref.Sums. If it returns
// nothing, Ref.Check decides; else the sums do, and Ref.Check is not asked. An error ends the fetch.
type Promiser interface {
	Promise(ctx context.Context, a cache.AssetKey, h http.Header, get Getter) ([]cache.Sum, error)
}

// Annotator is a format with headers of its own on the answer with a stored asset (Maven: checksums).
type Annotator interface {
	Annotate(h http.Header, a cache.Asset)
}

// Direct marks a format whose registries keep an asset where its name says (Go): Locate works with a nil listing, so no
// index has to be read, or be there, to fetch one.
type Direct interface {
	Direct()
}

// Guesser is a format whose registries usually keep an asset where its name says, though only the index says so for
// certain, and with which sums (npm): it is asked for while the index is read. Empty: no guess.
type Guesser interface {
	Guess(a cache.AssetKey) string // URL relative to the connection's base
}

// Sifter is a format whose versions get assets later (PyPI). Rules about time then hold for each of them: a file that is
// added to an old release is a known attack.
type Sifter interface {
	// Sift returns what is left of a version's fragment without the assets that admit refuses, by when they came; the time
	// is zero where nobody says.
	Sift(raw cache.Fragment, admit func(published time.Time) bool) (cache.Fragment, error)
}

// Kind is the kind of a Want.
type Kind int

// The kinds of a Want.
const (
	Document Kind = iota + 1 // the package's index, in form Want.View
	Asset                    // one file of one version
	Upload                   // a publish: Servicer.Serve
	Service                  // anything else: Servicer.Serve
)

// Action is what a principal needs to be allowed.
type Action int

// The actions of the data plane.
const (
	Read Action = iota
	Publish
	Admin // changes what a publisher may not: other people's tokens …
	Login // needs no permission: how a client comes by a token
)

// Want is what a request asks for, in neutral form.
type Want struct {
	Kind        Kind
	Action      Action
	Package     cache.Package
	Version     string // Asset: the version that the file belongs to
	Asset       string // Asset: the file's name
	View        string // Document, Service, Upload: which form, which service; the format's own word
	ContentType string // of the answer (Document, Asset)
	Vary        string // request headers that Parse looked at, as a Vary value; empty: none
	StoredOnly  bool   // answer from what is stored, else absent (Go's cached-only)
	Sum         string // Document, Asset: what is asked is not the bytes but their checksum in hex, by this algorithm (cache.Sum)
	Patient     bool   // Document, Service: a client that says no-cache does so always (Maven), and gets the one that is fresh enough for others
	Seeks       string // Document: a version or tag that the client is after; a stored index without it is refreshed at once
}

// Ref is where a registry keeps an asset.
type Ref struct {
	URL    string      // absolute, or relative to the connection's base
	Accept string      // Accept header to send; empty: */*
	Sums   []cache.Sum // what the registry promises; all are verified
	Size   int64       // promised size; 0: not promised
	// Published is when the asset came, where the assets of a version come at different times; zero: with its version.
	Published time.Time
	// Check accepts the bytes where the registry promises no sum (an archive that checks out …); nil: nothing to check.
	Check func(r io.ReaderAt, size int64) error
	// Make makes the bytes of a small asset that the registry does not keep, out of what it keeps; then there is no URL.
	// nil: they are at URL.
	Make func(ctx context.Context, get Getter) ([]byte, error)
}

// View is for whom a listing is encoded.
type View struct {
	Name    string // Want.View
	Base    string // address of the repository's endpoint as the client knows it, ending in "/"
	Private bool   // without a credential, the client could not read the repository; set for services only
}

// Getter reads documents from the registry behind one connection.
type Getter interface {
	// Connection is the connection's name.
	Connection() string
	// Get returns a document: cached, coalesced, revalidated, limited in size. Errors are cache.ErrAbsent,
	// *cache.Unavailable or cache.ErrTooLarge. The caller closes it.
	Get(ctx context.Context, q Query) (*cache.Document, error)
	// Do sends a request that is not cached (an audit, a search). The URL of r is relative to the connection's base.
	// Errors are *cache.Unavailable; any status is an answer. The caller closes the body.
	Do(r *http.Request) (*http.Response, error)
}

// Query names a document of a registry.
type Query struct {
	Path   string        // URL relative to the connection's base, or absolute
	Accept string        // Accept header to send; part of the document's identity
	Max    int64         // limit of its size in bytes; 0: 1 GiB
	Fresh  time.Duration // how long it is fresh; 0: the connection's (5 minutes)
	Seeks  string        // what the client is after; see Want.Seeks. The format asks again with Refresh if it is not there
	// Refresh asks the registry now, whatever is stored.
	Refresh bool
	// Immutable: the document never changes once it exists.
	Immutable bool
}

// Desk is what the engine offers to a service request, for the repository that was asked.
type Desk interface {
	// Listing returns the package's listing, merged along the walk, with rules applied. The caller closes it.
	Listing(ctx context.Context, p cache.Package) (*cache.Listing, error)
	// Getters returns the connections of the walk that may be asked about the package, in order. With a package
	// without a name: all connections of that format.
	Getters(ctx context.Context, p cache.Package) ([]Getter, error)
	// Spool takes bytes of an upload; they are on the disk when Publish returns.
	Spool(ctx context.Context, size int64) (blob.Spool, error)
	// Publish stores a version in the repository, durably. Publishing the same bytes again is no error;
	// cache.ErrConflict and *cache.Refused are.
	Publish(ctx context.Context, p *Publication) error
	// Edit changes what the repository itself holds of a package, in one durable transaction. fn may be called again
	// if the transaction has to be repeated; its error aborts. cache.ErrAbsent if the repository holds nothing of it.
	Edit(ctx context.Context, p cache.Package, fn func(*cache.Holding) error) error
	// Identity is who asks, and what it may do about its tokens.
	Identity() Identity
}

// Publication is a version on its way into a repository.
type Publication struct {
	Package     cache.Package
	Version     string
	Meta        []byte            // the version's fragment of the index document
	PackageMeta []byte            // the package's own part of it; nil: unchanged. Without a Version it is all there is
	Tags        map[string]string // tags to set
	Status      cache.Status      // empty: Published
	Assets      []File
	// Merge lets assets join a version that is there already, as Maven and PyPI do; else a version comes whole.
	Merge bool
	// Join makes one fragment of the one that a version has and the one of the assets that join it; nil: the old one
	// stays. Without a Version it is given the package's own parts. Its error aborts.
	Join func(old, added []byte) ([]byte, error)
}

// File is one asset of a Publication.
type File struct {
	Name  string
	Spool blob.Spool
	Sums  []cache.Sum // verified against the bytes, and stored
	Known []cache.Sum // stored with them; the format has computed these itself from what it wrote to the spool
	Check func(r io.ReaderAt, size int64) error
}

// Identity is who a client is.
type Identity interface {
	// Name is the principal's name; empty for an anonymous client.
	Name() string
	// Login checks a user name and a password and makes a token for that user.
	Login(ctx context.Context, user, password string) (token string, err error)
	// Issue makes a token for the principal itself.
	Issue(ctx context.Context, t TokenRequest) (token string, info TokenInfo, err error)
	// Tokens lists the principal's tokens.
	Tokens(ctx context.Context) ([]TokenInfo, error)
	// Revoke ends a token of the principal: by its ID, or by itself. cache.ErrAbsent if there is none.
	Revoke(ctx context.Context, idOrToken string) error
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Note     string
	ReadOnly bool
	CIDR     []string      // where it may be used from; empty: anywhere
	Life     time.Duration // 0: no end
}

// TokenInfo describes a token without giving it away.
type TokenInfo struct {
	ID       string
	Prefix   string // its first characters
	Note     string
	ReadOnly bool
	CIDR     []string
	Created  time.Time
	Expires  time.Time // zero: no end
}
