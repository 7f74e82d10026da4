// Package codeartifact is the control plane: the wire API of AWS CodeArtifact (2018-09-22) over our domains and
// repositories, so that stock AWS clients drive them.
//
// Routing, decoding and validation follow the service's own model (model.json); what is written by hand is what each
// operation means. Objects that are made here live in the index (State) and take effect as a new configuration does:
// as a whole, for the requests that come after. What the configuration file declares belongs to the file, and answers
// 409 with the place of the declaration.
//
// It guarantees that every request is authenticated and authorised before anything is looked up in the index; that an
// answer that reports success is durable; and that the management operations see what a repository itself holds, never
// what is upstream of it.
package codeartifact

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
)

// Index is what the room needs of the index, beside what the domains have of it.
type Index interface {
	Packages(ctx context.Context, q index.PackageQuery) ([]index.Entry, error)
	Versions(ctx context.Context, q index.VersionQuery) (*index.VersionPage, error)
	Version(ctx context.Context, repo cache.RepositoryID, p cache.Package, version string) (*cache.Stored, error)
	Names(ctx context.Context, domain string, after cache.Package, limit int) ([]cache.Package, error)
	// Collect calls remove if no row needs the bytes of d.
	Collect(ctx context.Context, d blob.Digest, remove func() error) (bool, error)
}

// Options are what an API is made of: one snapshot of the configuration, as a Site is.
type Options struct {
	Region     string             // empty: any is accepted, and ARNs say us-east-1
	Domains    map[string]*Domain // by name
	Owner      string             // of domains that are created by a principal without an account
	Authority  *auth.Authority
	Policy     *policy.Set
	Formats    map[string]format.Format
	Index      Index
	State      *State
	Connection func(name string) (packageFormat string, known bool)
	// Change makes a new state of the present one, puts it in force and stores it, or none of that; one at a time. It
	// returns the API over what is in force then.
	Change func(ctx context.Context, edit func(now *API, next *State) error) (*API, error)
	// Drop forgets what a repository held that was deleted.
	Drop func(ctx context.Context, id cache.RepositoryID) error
	// Size is how many bytes a domain keeps.
	Size func(domain string) int64
	Log  func(err error, operation string) // of errors that the client is not told
}

// API answers requests below /v1/. It is immutable.
type API struct{ o Options }

// New returns an API over one snapshot.
func New(o Options) *API { return &API{o} }

// DefaultRegion is in ARNs where no region is configured: the first one that clients would choose.
const DefaultRegion = "us-east-1"

func (a *API) region() string {
	if a.o.Region == "" {
		return DefaultRegion
	}
	return a.o.Region
}

// Client is who sent a request, and how it reaches us.
type Client struct {
	Remote netip.Addr
	Origin string // scheme, host and port as the client knows them
	Secure bool
}

// call is one request on its way.
type call struct {
	*API
	op        *operation
	in        values
	client    Client
	principal *auth.Principal
	body      io.Reader // of an operation that streams
	w         http.ResponseWriter

	domain *Domain
	repo   *Repository
	pkg    cache.Package
}

// Serve answers a request. Errors are answered too; what is returned is for the log.
func (a *API) Serve(w http.ResponseWriter, r *http.Request, client Client) error {
	w.Header().Set("X-Amzn-Requestid", requestID())
	out, err := a.serve(w, r, client)
	if err != nil {
		a.fail(w, err)
		return err
	}
	if out == nil {
		return nil // written already
	}
	return writeJSON(w, http.StatusOK, out)
}

func (a *API) fail(w http.ResponseWriter, err error) {
	e := modelled(err)
	if e.Type == "InternalServerException" && a.o.Log != nil {
		a.o.Log(err, "")
	}
	w.Header().Set("X-Amzn-Errortype", e.Type)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	_ = writeJSON(w, e.Status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, client Client) (any, error) {
	op, known := service().route(r.Method, r.URL.Path)
	if op == nil && known {
		return nil, &Error{Type: "ValidationException", Status: http.StatusMethodNotAllowed, Reason: unknownOperation, Message: "no operation has this method"}
	}
	if op == nil {
		return nil, &Error{Type: "ValidationException", Status: http.StatusNotFound, Reason: unknownOperation, Message: "there is no such operation"}
	}
	c := &call{API: a, op: op, client: client, w: w}
	body, err := c.readBody(r)
	if err != nil {
		return nil, err
	}
	if c.principal, err = c.authenticate(r, body); err != nil {
		return nil, err
	}
	if c.in, err = service().decode(op, r, body, func(f string) bool { return a.o.Formats[f] != nil }); err != nil {
		return nil, err
	}
	if err := c.resolve(); err != nil {
		return nil, err
	}
	if err := c.authorize(); err != nil {
		return nil, err
	}
	return operations[op.Name](r.Context(), c)
}

// readBody reads a JSON body, since its hash is signed; one that streams waits.
func (c *call) readBody(r *http.Request) ([]byte, error) {
	if service().streams(c.op) {
		c.body = r.Body
		return nil, nil
	}
	if r.Body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return nil, invalid(cannotParse, "the body cannot be read")
	}
	return b, err
}

// authenticate takes a signature, or a token of ours.
func (c *call) authenticate(r *http.Request, body []byte) (*auth.Principal, error) {
	ctx := r.Context()
	if !auth.IsSigned(r) {
		p, err := c.o.Authority.Authenticate(ctx, r, c.client.Remote)
		if err == nil && p.Packages {
			return nil, denied("an authorization token is for package managers: sign the request, or send a token of token create")
		}
		return p, err
	}
	payload := r.Header.Get("X-Amz-Content-Sha256") // of the asset, which is checked when it has come
	if c.body == nil {
		sum := sha256.Sum256(body)
		payload = hex.EncodeToString(sum[:])
	}
	return c.o.Authority.Signed(ctx, r, auth.Signature{Service: "codeartifact", Region: c.o.Region, Payload: payload}, c.client.Remote)
}

// resolve finds what a request names: domain, repository, package.
func (c *call) resolve() error {
	if name := c.in.text("domain"); name != "" && c.op.Name != "CreateDomain" {
		d := c.o.Domains[name]
		if owner := c.in.text("domainOwner"); d == nil || owner != "" && owner != d.Owner {
			return absent("domain", name, "Domain not found: the domain %s does not exist", name)
		}
		c.domain = d
	}
	if name := c.in.text("repository"); name != "" && c.op.Name != "CreateRepository" {
		repo, err := c.repository(name)
		if err != nil {
			return err
		}
		c.repo = repo
	}
	if c.in.has("package") && c.in.has("format") {
		var err error
		c.pkg, err = c.packageOf(c.in.text("format"), c.in.text("namespace"), c.in.text("package"))
		return err
	}
	return nil
}

func (c *call) repository(name string) (*Repository, error) {
	if r := c.domain.Repositories[name]; r != nil {
		return r, nil
	}
	return nil, absent("repository", c.domain.Name+"/"+name, "Repository not found: the repository %s does not exist in domain %s", name, c.domain.Name)
}

// seconds is a time as the wire has it.
func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return float64(t.UnixMilli()) / 1000
}
