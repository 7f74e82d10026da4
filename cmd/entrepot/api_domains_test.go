package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsca "github.com/aws/aws-sdk-go-v2/service/codeartifact"
	"github.com/aws/aws-sdk-go-v2/service/codeartifact/types"
)

func upstreamOf(name string) types.UpstreamRepository {
	return types.UpstreamRepository{RepositoryName: &name}
}

func domainsStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	made, err := api.CreateDomain(ctx, &awsca.CreateDomainInput{Domain: str("crew"), Tags: []types.Tag{{Key: str("k"), Value: str("v")}}})
	if got := need(t, made, err).Domain; *got.Name != "crew" || *got.Owner != "111122223333" || got.RepositoryCount != 0 || !now(got.CreatedTime) {
		t.Errorf("created: %+v", got)
	}
	_, err = api.CreateDomain(ctx, &awsca.CreateDomainInput{Domain: str("crew")})
	fails(t, err, "Conflict", "exists")
	_, err = api.CreateDomain(ctx, &awsca.CreateDomainInput{Domain: str("my_domain")})
	fails(t, err, "Validation", "domain")
	_, err = api.CreateDomain(ctx, &awsca.CreateDomainInput{Domain: str("keyed"), EncryptionKey: str("arn:aws:kms:x:1:key/2")})
	fails(t, err, "Validation", "key")
	_, err = l.as("reader").CreateDomain(ctx, &awsca.CreateDomainInput{Domain: str("other")})
	fails(t, err, "AccessDenied", "CreateDomain")
	_, err = api.DescribeDomain(ctx, &awsca.DescribeDomainInput{Domain: str("nowhere")})
	fails(t, err, "ResourceNotFound", "nowhere")
	_, err = api.DescribeDomain(ctx, &awsca.DescribeDomainInput{Domain: acme, DomainOwner: str("999999999999")})
	fails(t, err, "ResourceNotFound", "acme")

	need(t, 0, second(api.CreateRepository(ctx, &awsca.CreateRepositoryInput{Domain: str("crew"), Repository: str("deck")})))
	got, err := api.DescribeDomain(ctx, &awsca.DescribeDomainInput{Domain: str("crew"), DomainOwner: str("111122223333")})
	if need(t, got, err).Domain.RepositoryCount != 1 {
		t.Errorf("described: %+v", got.Domain)
	}
	_, err = api.DeleteDomain(ctx, &awsca.DeleteDomainInput{Domain: str("crew")})
	fails(t, err, "Conflict", "repositories")
	need(t, 0, second(api.DeleteRepository(ctx, &awsca.DeleteRepositoryInput{Domain: str("crew"), Repository: str("deck")})))
	need(t, 0, second(api.DeleteDomain(ctx, &awsca.DeleteDomainInput{Domain: str("crew")})))
	_, err = api.DescribeDomain(ctx, &awsca.DescribeDomainInput{Domain: str("crew")})
	fails(t, err, "ResourceNotFound", "crew")
	_, err = api.DeleteDomain(ctx, &awsca.DeleteDomainInput{Domain: acme})
	fails(t, err, "Conflict", "entrepot.hcl:")
	list, err := api.ListDomains(ctx, &awsca.ListDomainsInput{})
	if n := len(need(t, list, err).Domains); n != 1 {
		t.Errorf("%d domains", n)
	}
}

func repositoriesStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	l.repository("base")
	made, err := api.CreateRepository(ctx, &awsca.CreateRepositoryInput{
		Domain: acme, Repository: str("Top.1"), Description: str("the top"), Upstreams: []types.UpstreamRepository{upstreamOf("base")},
	})
	r := need(t, made, err).Repository
	if *r.Arn != "arn:aws:codeartifact:us-east-1:111122223333:repository/acme/Top.1" || *r.Description != "the top" || len(r.Upstreams) != 1 || !now(r.CreatedTime) {
		t.Errorf("created: %+v", r)
	}
	_, err = api.CreateRepository(ctx, &awsca.CreateRepositoryInput{Domain: acme, Repository: str("base")})
	fails(t, err, "Conflict", "exists")
	_, err = api.CreateRepository(ctx, &awsca.CreateRepositoryInput{Domain: acme, Repository: str("x")})
	fails(t, err, "Validation", "repository")
	_, err = api.CreateRepository(ctx, &awsca.CreateRepositoryInput{Domain: acme, Repository: str("orphan"), Upstreams: []types.UpstreamRepository{upstreamOf("nope")}})
	fails(t, err, "ResourceNotFound", "nope")
	_, err = api.CreateRepository(ctx, &awsca.CreateRepositoryInput{Domain: str("nowhere"), Repository: str("base")})
	fails(t, err, "ResourceNotFound", "nowhere")
	_, err = api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("base"), Upstreams: []types.UpstreamRepository{upstreamOf("Top.1")}})
	fails(t, err, "Validation", "upstream of itself")
	_, err = api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("base"), Upstreams: []types.UpstreamRepository{upstreamOf("base")}})
	fails(t, err, "Validation", "upstream of itself")
	var many []types.UpstreamRepository
	for i := range 11 {
		many = append(many, upstreamOf(fmt.Sprint("u", i, "x")))
	}
	_, err = api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("base"), Upstreams: many})
	fails(t, err, "ServiceQuotaExceeded", "10")

	// Absent leaves the upstreams alone, empty clears them.
	kept, err := api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("Top.1"), Description: str("")})
	if r := need(t, kept, err).Repository; len(r.Upstreams) != 1 || aws.ToString(r.Description) != "" {
		t.Errorf("updated: %+v", r)
	}
	cleared, err := api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("Top.1"), Upstreams: []types.UpstreamRepository{}})
	if r := need(t, cleared, err).Repository; len(r.Upstreams) != 0 {
		t.Errorf("cleared: %+v", r)
	}
	_, err = api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("declared"), Description: str("mine")})
	fails(t, err, "Conflict", "entrepot.hcl:")
	_, err = api.DeleteRepository(ctx, &awsca.DeleteRepositoryInput{Domain: acme, Repository: str("declared")})
	fails(t, err, "Conflict", "entrepot.hcl:")
	adopted, err := api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("declared"), Upstreams: []types.UpstreamRepository{upstreamOf("base")}})
	if r := need(t, adopted, err).Repository; len(r.Upstreams) != 1 || *r.Description != "of the file" {
		t.Errorf("what the file does not set: %+v", r)
	}

	l.restart()
	api = l.root
	again, err := api.DescribeRepository(ctx, &awsca.DescribeRepositoryInput{Domain: acme, Repository: str("declared")})
	if r := need(t, again, err).Repository; len(r.Upstreams) != 1 {
		t.Errorf("after a restart: %+v", r)
	}
	_, err = api.DescribeRepository(ctx, &awsca.DescribeRepositoryInput{Domain: acme, Repository: str("gone")})
	fails(t, err, "ResourceNotFound", "gone")
	_, err = api.DeleteRepository(ctx, &awsca.DeleteRepositoryInput{Domain: acme, Repository: str("gone")})
	fails(t, err, "ResourceNotFound", "gone")
	deleted, err := api.DeleteRepository(ctx, &awsca.DeleteRepositoryInput{Domain: acme, Repository: str("Top.1")})
	if *need(t, deleted, err).Repository.Name != "Top.1" {
		t.Errorf("deleted: %+v", deleted)
	}
	all, err := api.ListRepositories(ctx, &awsca.ListRepositoriesInput{RepositoryPrefix: str("ba")})
	if n := len(need(t, all, err).Repositories); n != 1 {
		t.Errorf("%d repositories begin so", n)
	}
	in, err := api.ListRepositoriesInDomain(ctx, &awsca.ListRepositoriesInDomainInput{Domain: acme, AdministratorAccount: str("111122223333")})
	if n := len(need(t, in, err).Repositories); n != 2 {
		t.Errorf("%d repositories in the domain", n)
	}
}

func connectionsStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	l.repository("npm-store")
	l.repository("above", "npm-store")
	associate := func(repository, connection string) error {
		return second(api.AssociateExternalConnection(ctx, &awsca.AssociateExternalConnectionInput{Domain: acme, Repository: &repository, ExternalConnection: &connection}))
	}
	need(t, 0, associate("npm-store", "public:npmjs"))
	got, err := api.DescribeRepository(ctx, &awsca.DescribeRepositoryInput{Domain: acme, Repository: str("npm-store")})
	if x := need(t, got, err).Repository.ExternalConnections; len(x) != 1 || x[0].PackageFormat != "npm" || x[0].Status != "AVAILABLE" {
		t.Errorf("connected: %+v", x)
	}
	fails(t, associate("npm-store", "public:npmjs"), "Conflict", "already")
	fails(t, associate("npm-store", "public:pypi"), "ServiceQuotaExceeded", "limited to 1")
	fails(t, associate("above", "public:npmjs"), "Validation", "upstreams")
	fails(t, associate("nope", "public:npmjs"), "ResourceNotFound", "nope")
	fails(t, associate("base", "public:nothing"), "ResourceNotFound", "public:nothing")
	_, err = api.UpdateRepository(ctx, &awsca.UpdateRepositoryInput{Domain: acme, Repository: str("npm-store"), Upstreams: []types.UpstreamRepository{upstreamOf("base")}})
	fails(t, err, "Validation", "external connection")
	disassociate := func(connection string) error {
		return second(api.DisassociateExternalConnection(ctx, &awsca.DisassociateExternalConnectionInput{Domain: acme, Repository: str("npm-store"), ExternalConnection: &connection}))
	}
	fails(t, disassociate("public:pypi"), "ResourceNotFound", "public:pypi")
	need(t, 0, disassociate("public:npmjs"))
	need(t, 0, associate("npm-store", "private:mirror"))
	need(t, 0, disassociate("private:mirror"))
	need(t, 0, associate("npm-store", "public:npmjs"))
}

func tokensStory(l *lab) {
	t, ctx := l.T, l.ctx
	l.registry.AddNPM("lodash", "4.17.21", registryVersion)
	ask := func(d *int64) (*awsca.GetAuthorizationTokenOutput, error) {
		return l.as("reader").GetAuthorizationToken(ctx, &awsca.GetAuthorizationTokenInput{Domain: acme, DurationSeconds: d})
	}
	_, err := ask(aws.Int64(899))
	fails(t, err, "Validation", "900")
	_, err = ask(aws.Int64(43201))
	fails(t, err, "Validation", "43200")
	_, err = l.root.GetAuthorizationToken(ctx, &awsca.GetAuthorizationTokenInput{Domain: str("nowhere")})
	fails(t, err, "ResourceNotFound", "nowhere")
	need(t, 0, second(ask(aws.Int64(0))))
	token := take(ask(aws.Int64(900))).of(t)
	if len(*token.AuthorizationToken) > 200 || strings.ContainsAny(*token.AuthorizationToken, "%:@/") || !now(token.Expiration) {
		t.Errorf("token %q until %v", *token.AuthorizationToken, token.Expiration)
	}
	endpoint, err := l.root.GetRepositoryEndpoint(ctx, &awsca.GetRepositoryEndpointInput{Domain: acme, Repository: str("above"), Format: "npm"})
	e := *need(t, endpoint, err).RepositoryEndpoint
	if e != l.p.url+"npm/d/acme-111122223333/above/" {
		t.Errorf("endpoint %s", e)
	}
	get := func(header, value string) (int, string) {
		req := take(http.NewRequestWithContext(ctx, "GET", e+"lodash", nil)).of(t)
		req.Header.Set(header, value)
		resp := take(client.Do(req)).of(t)
		defer resp.Body.Close()
		b := take(io.ReadAll(resp.Body)).of(t)
		return resp.StatusCode, string(b)
	}
	for value, want := range map[string]int{
		"Bearer " + *token.AuthorizationToken: 200, *token.AuthorizationToken: 200, basic("aws", *token.AuthorizationToken): 200,
		"Bearer " + *token.AuthorizationToken + "x": 401, "": 401,
	} {
		if status, body := get("Authorization", value); status != want {
			t.Errorf("Authorization %.12s…: %d %s", value, status, body)
		}
	}
	// What stands in package managers' files manages nothing.
	managing := take(http.NewRequestWithContext(ctx, "GET", l.p.url+"v1/domain?domain=acme", nil)).of(t)
	managing.Header.Set("Authorization", "Bearer "+*token.AuthorizationToken)
	resp := take(client.Do(managing)).of(t)
	if resp.Body.Close(); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an authorization token on the control plane: %d", resp.StatusCode)
	}
	_, err = l.root.GetRepositoryEndpoint(ctx, &awsca.GetRepositoryEndpointInput{Domain: acme, Repository: str("above"), Format: "docker"})
	fails(t, err, "Validation", "format")
}
