package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"entrepot/config"
)

// login writes a client's own configuration, so that the client comes here with a fresh token.
func login(ctx context.Context, env *environment, args []string) error {
	tools := slices.Sorted(maps.Keys(loginTools))
	fs := flags(env, "login", "--tool TOOL --repository R [--domain D] [--endpoint URL]",
		"Writes a tool's configuration with a fresh token. The tools are "+strings.Join(tools, ", ")+".\n"+
			"Who asks is told by ENTREPOT_TOKEN, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or, beside the server, by the\n"+
			"administrator's token in its data directory.")
	var s settings
	s.register(env, fs, "config", "data", "listen")
	q := loginRequest{env: env}
	name := fs.String("tool", "", "the `TOOL` to configure")
	fs.StringVar(&q.domain, "domain", "", "the `DOMAIN`; default: the server's only one")
	fs.StringVar(&q.repository, "repository", "", "the `REPOSITORY`")
	fs.StringVar(&q.endpoint, "endpoint", env.getenv("ENTREPOT_ENDPOINT"), "`URL` of the server; default: the one of this machine")
	life := fs.String("duration", "12h", "how `LONG` the token is good for, 15m to 12h")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	tool, ok := loginTools[*name]
	if !ok {
		return &usageError{"login: --tool is one of " + strings.Join(tools, ", "), false}
	}
	if q.repository == "" {
		return &usageError{"login: say which: --repository R", false}
	}
	var err error
	if q.life, err = config.ParseDuration(*life); err != nil {
		return &usageError{"login: " + err.Error(), false}
	}
	if err := q.locate(&s); err != nil {
		return err
	}
	at, err := q.access(ctx, tool.format)
	if err != nil {
		return err
	}
	if at.home, err = os.UserHomeDir(); err != nil {
		return err
	}
	wrote, err := tool.configure(at)
	for _, path := range wrote {
		fmt.Fprintf(env.stdout, "wrote %s\n", path)
	}
	if err != nil {
		return err
	}
	if tool.hint != nil {
		fmt.Fprintln(env.stderr, tool.hint(at))
	}
	fmt.Fprintf(env.stderr, "%s uses %s until %s\n", *name, at.endpoint.Redacted(), at.until.Local().Format("2006-01-02 15:04"))
	return nil
}

// loginRequest is who asks a server for what.
type loginRequest struct {
	env                          *environment
	endpoint, domain, repository string
	life                         time.Duration
	token                        string // of ours; empty: the request is signed
}

// access is what a client needs to know.
type toolAccess struct {
	endpoint *url.URL // of the repository in the tool's format; ends in "/"
	token    string
	until    time.Time
	home     string
}

// locate finds the server, and what to say to it.
func (q *loginRequest) locate(s *settings) error {
	q.token = q.env.getenv("ENTREPOT_TOKEN")
	signed := q.env.getenv("AWS_ACCESS_KEY_ID") != ""
	if q.endpoint != "" && (q.token != "" || signed) {
		return nil
	}
	file, err := s.load()
	if err != nil {
		return err
	}
	if q.endpoint == "" {
		scheme := "http://"
		if file.TLS != nil {
			scheme = "https://"
		}
		listen := file.Listen
		if strings.HasPrefix(listen, ":") {
			listen = "127.0.0.1" + listen
		}
		q.endpoint = scheme + listen
	}
	if q.token != "" || signed {
		return nil
	}
	dir, err := dataDir(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "admin-token"))
	if err != nil {
		return errors.New("say who you are: set ENTREPOT_TOKEN, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	q.token = strings.TrimSpace(string(b))
	return nil
}

// access asks for a token and for the repository's endpoint.
func (q *loginRequest) access(ctx context.Context, format string) (*toolAccess, error) {
	if q.domain == "" {
		var list struct{ Domains []struct{ Name string } }
		if err := q.ask(ctx, http.MethodPost, "domains", nil, &list); err != nil {
			return nil, err
		}
		if len(list.Domains) != 1 {
			return nil, fmt.Errorf("the server has %d domains: say which, --domain D", len(list.Domains))
		}
		q.domain = list.Domains[0].Name
	}
	var token struct {
		AuthorizationToken string
		Expiration         float64
	}
	v := url.Values{"domain": {q.domain}, "duration": {fmt.Sprint(int(q.life.Seconds()))}}
	if err := q.ask(ctx, http.MethodPost, "authorization-token", v, &token); err != nil {
		return nil, err
	}
	var where struct{ RepositoryEndpoint string }
	v = url.Values{"domain": {q.domain}, "repository": {q.repository}, "format": {format}}
	if err := q.ask(ctx, http.MethodGet, "repository/endpoint", v, &where); err != nil {
		return nil, err
	}
	u, err := url.Parse(where.RepositoryEndpoint)
	if err != nil {
		return nil, err
	}
	return &toolAccess{endpoint: u, token: token.AuthorizationToken, until: time.Unix(int64(token.Expiration), 0)}, nil
}

// emptyPayload is the SHA-256 of nothing.
const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// ask calls an operation without a body.
func (q *loginRequest) ask(ctx context.Context, method, path string, v url.Values, to any) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(q.endpoint, "/")+"/v1/"+path+"?"+v.Encode(), nil)
	if err != nil {
		return err
	}
	if q.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.token)
	} else {
		with := aws.Credentials{AccessKeyID: q.env.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: q.env.getenv("AWS_SECRET_ACCESS_KEY")}
		region := or(or(q.env.getenv("AWS_REGION"), q.env.getenv("AWS_DEFAULT_REGION")), "us-east-1")
		if err := v4.NewSigner().SignHTTP(ctx, with, req, emptyPayload, "codeartifact", region, time.Now()); err != nil {
			return err
		}
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	const most = 1 << 20 // the longest answer is a list of domains
	b, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Message string }
		if json.Unmarshal(b, &problem) != nil || problem.Message == "" {
			problem.Message = resp.Status
		}
		return errors.New(problem.Message)
	}
	return json.Unmarshal(b, to)
}
