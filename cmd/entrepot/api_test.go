package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsca "github.com/aws/aws-sdk-go-v2/service/codeartifact"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"entrepot/bench/registry"
)

// lab is a server with the AWS SDK for Go as its client.
type lab struct {
	*testing.T            // of the story that is told
	whole      *testing.T // which the server lives as long as
	ctx        context.Context
	p          *process
	config     string
	registry   *registry.Registry
	root       *awsca.Client // of an administrator of the domains' own account
	asked      *sync.Map     // the operations that were called with success, by name
}

// keyOf is the secret of the access key of that name.
func keyOf(name string) (id, secret string) {
	return "AKIAEXAMPLE" + strings.ToUpper(fmt.Sprintf("%09s", name)), "secret-of-" + name + "-which-is-long-enough"
}

// newLab starts a server in front of the fake registry. more goes into the domain acme.
func newLab(t *testing.T, more string) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{T: t, whole: t, ctx: t.Context(), config: filepath.Join(dir, "entrepot.hcl"), asked: &sync.Map{}, registry: registry.New(registry.Options{})}
	remote := l.registry.Start(t)
	keys := ""
	for name, rest := range map[string]string{
		"root": `policy = "admin"`, "reader": `policy = "read"`, "publisher": `policy = "publish"`,
		"foreign": "policy = \"admin\"\n account = \"222233334444\"", "third": "policy = \"admin\"\n account = \"333344445555\"",
	} {
		id, secret := keyOf(name)
		keys += fmt.Sprintf("key %q {\n access_key_id = %q\n secret = %q\n %s\n}\n", name, id, secret, rest)
	}
	text := fmt.Sprintf(`
storage {
  dir    = %q
  memory = "64MiB"
}
connection "public:npmjs" { url = "%s/npm/" }
connection "private:mirror" {
  url    = "%s/npm/"
  format = "npm"
}
domain "acme" {
  owner = "111122223333"
  %s
}
access {
  anonymous = "none"
  %s
}
`, filepath.Join(dir, "data"), remote.URL, remote.URL, more, keys)
	l.write(text)
	l.p = serving(t, "--config", l.config)
	l.root = l.as("root")
	return l
}

func (l *lab) write(text string) {
	l.Helper()
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
}

// restart kills the server, and starts it over the same data.
func (l *lab) restart() {
	l.Helper()
	l.p.kill()
	l.p = serving(l.whole, "--config", l.config)
	l.root = l.as("root")
}

// as is a client that signs with a key.
func (l *lab) as(name string) *awsca.Client {
	id, secret := keyOf(name)
	return l.client(id, secret, "eu-central-1")
}

func (l *lab) client(id, secret, region string) *awsca.Client {
	return awsca.New(awsca.Options{
		Region: region, BaseEndpoint: aws.String(strings.TrimSuffix(l.p.url, "/")), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
		}),
		APIOptions: []func(*middleware.Stack) error{l.note},
	})
}

// note remembers which operations have succeeded.
func (l *lab) note(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("note",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleInitialize(ctx, in)
			if err == nil {
				l.asked.Store(awsmiddleware.GetOperationName(ctx), true)
			}
			return out, meta, err
		}), middleware.After)
}

// need stops the test at an error.
func need[T any](t *testing.T, out T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fails checks that an operation was refused with an error of the model, whose message has a certain text.
func fails(t *testing.T, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code+"Exception" || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("want %sException with %q, got %v", code, text, err)
	}
}

var (
	str  = aws.String
	acme = str("acme")
)

// repository makes a repository with upstreams.
func (l *lab) repository(name string, upstreams ...string) {
	l.Helper()
	in := &awsca.CreateRepositoryInput{Domain: acme, Repository: &name}
	for _, u := range upstreams {
		in.Upstreams = append(in.Upstreams, upstreamOf(u))
	}
	need(l.T, 0, second(l.root.CreateRepository(l.ctx, in)))
}

func second[T any](_ T, err error) error { return err }

// TestEveryOperation shows that all 48 operations succeed for an unmodified client, each in a story of its own.
func TestEveryOperation(t *testing.T) {
	l := newLab(t, `repository "declared" { description = "of the file" }`)
	for _, part := range []struct {
		name string
		tell func(*lab)
	}{
		{"domains", domainsStory}, {"repositories", repositoriesStory}, {"connections", connectionsStory}, {"tokens", tokensStory},
		{"packages", packagesStory}, {"generic", genericStory}, {"bulk", bulkStory}, {"copy", copyStory}, {"groups", groupsStory},
		{"policies", policiesStory}, {"tags", tagsStory}, {"pages", pagesStory},
	} {
		t.Run(part.name, func(t *testing.T) {
			l.T, l.ctx = t, t.Context()
			part.tell(l)
		})
	}
	done := map[string]bool{}
	l.asked.Range(func(name, _ any) bool { done[name.(string)] = true; return true })
	if len(done) != 48 {
		t.Errorf("%d of 48 operations succeeded: %s", len(done), strings.Join(slices.Sorted(maps.Keys(done)), " "))
	}
}

// now is a time that a server of this machine would give.
func now(at *time.Time) bool { return at != nil && time.Since(*at).Abs() < time.Hour }

// TestIssuedAccessKey: a key pair that was issued signs until it is revoked, and may do what its user may.
func TestIssuedAccessKey(t *testing.T) {
	l := newLab(t, "")
	out, err := exec.Command("entrepot", "token", "create", "--aws", "--user", "reader", "--config", l.config).Output()
	if err != nil {
		t.Fatal(err)
	}
	var id, secret string
	if _, err := fmt.Sscanf(string(out), "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", &id, &secret); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	api := l.client(id, secret, "us-east-1")
	need(t, 0, second(api.DescribeDomain(l.ctx, &awsca.DescribeDomainInput{Domain: acme})))
	_, err = api.CreateRepository(l.ctx, &awsca.CreateRepositoryInput{Domain: acme, Repository: str("mine")})
	fails(t, err, "AccessDenied", "CreateRepository")
	_, err = l.client(id, secret+"x", "us-east-1").DescribeDomain(l.ctx, &awsca.DescribeDomainInput{Domain: acme})
	fails(t, err, "AccessDenied", "signature")
	if out, err := exec.Command("entrepot", "token", "revoke", "--config", l.config, id).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, err = api.DescribeDomain(l.ctx, &awsca.DescribeDomainInput{Domain: acme})
	fails(t, err, "AccessDenied", "signature")
}
