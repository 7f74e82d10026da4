package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsca "github.com/aws/aws-sdk-go-v2/service/codeartifact"
	"github.com/aws/aws-sdk-go-v2/service/codeartifact/types"
)

func groupsStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	create := func(pattern string) (*awsca.CreatePackageGroupOutput, error) {
		return api.CreatePackageGroup(ctx, &awsca.CreatePackageGroupInput{Domain: acme, PackageGroup: &pattern, ContactInfo: str("us")})
	}
	made := take(create("/npm/acme/*")).of(t).PackageGroup
	if *made.Parent.Pattern != "/*" || made.OriginConfiguration.Restrictions["PUBLISH"].Mode != "INHERIT" ||
		made.OriginConfiguration.Restrictions["PUBLISH"].EffectiveMode != "ALLOW" || *made.OriginConfiguration.Restrictions["PUBLISH"].InheritedFrom.Pattern != "/*" {
		t.Errorf("created: %+v", made)
	}
	_, err := create("/npm/acme/*")
	fails(t, err, "Conflict", "exists")
	_, err = create("/npm/acme")
	fails(t, err, "Validation", "pattern")
	need(t, 0, second(create("/npm/acme/secret~")))
	configure := func(pattern string, edit func(*awsca.UpdatePackageGroupOriginConfigurationInput)) (*awsca.UpdatePackageGroupOriginConfigurationOutput, error) {
		in := &awsca.UpdatePackageGroupOriginConfigurationInput{Domain: acme, PackageGroup: &pattern}
		edit(in)
		return api.UpdatePackageGroupOriginConfiguration(ctx, in)
	}
	_, err = configure("/*", func(in *awsca.UpdatePackageGroupOriginConfigurationInput) {
		in.Restrictions = map[string]types.PackageGroupOriginRestrictionMode{"PUBLISH": "INHERIT"}
	})
	fails(t, err, "Validation", "root")
	out := take(configure("/npm/acme/*", func(in *awsca.UpdatePackageGroupOriginConfigurationInput) {
		in.Restrictions = map[string]types.PackageGroupOriginRestrictionMode{"PUBLISH": "ALLOW_SPECIFIC_REPOSITORIES", "EXTERNAL_UPSTREAM": "BLOCK"}
		in.AddAllowedRepositories = []types.PackageGroupAllowedRepository{{RepositoryName: str("from"), OriginRestrictionType: "PUBLISH"}}
	})).of(t)
	if r := out.PackageGroup.OriginConfiguration.Restrictions["PUBLISH"]; r.EffectiveMode != "ALLOW_SPECIFIC_REPOSITORIES" || *r.RepositoriesCount != 1 ||
		!slices.Equal(out.AllowedRepositoryUpdates["PUBLISH"]["ADDED"], []string{"from"}) {
		t.Errorf("configured: %+v %+v", r, out.AllowedRepositoryUpdates)
	}
	_, err = configure("/npm/acme/*", func(in *awsca.UpdatePackageGroupOriginConfigurationInput) {
		in.AddAllowedRepositories = []types.PackageGroupAllowedRepository{{RepositoryName: str("nope"), OriginRestrictionType: "PUBLISH"}}
	})
	fails(t, err, "ResourceNotFound", "nope")
	allowed := take(api.ListAllowedRepositoriesForGroup(ctx, &awsca.ListAllowedRepositoriesForGroupInput{Domain: acme, PackageGroup: str("/npm/acme/*"), OriginRestrictionType: "PUBLISH"})).of(t)
	if !slices.Equal(allowed.AllowedRepositories, []string{"from"}) {
		t.Errorf("allowed: %q", allowed.AllowedRepositories)
	}

	// The groups decide on the data plane: who may publish, and that look-alikes may not come in at all.
	if status, body := l.publishNPM("publisher", "from", "@acme/lib", "1.1.0"); status >= 300 {
		t.Errorf("publishing where it is allowed: %d %s", status, body)
	}
	if status, body := l.publishNPM("publisher", "to-one", "@acme/lib", "1.1.0"); status != 403 || !strings.Contains(body, "package group") {
		t.Errorf("publishing elsewhere: %d %s", status, body)
	}
	if status, body := l.publishNPM("publisher", "from", "@ac-me/secret", "1.1.0"); status >= 300 {
		t.Errorf("another scope: %d %s", status, body)
	}
	l.registry.AddNPM("@acme/public", "1.0.0", registryVersion)
	if status, body := l.get("reader", "npm/npm-store/@acme%2fpublic"); status != 403 || !strings.Contains(string(body), "public registry") {
		t.Errorf("from outside: %d %s", status, body)
	}

	of := take(api.GetAssociatedPackageGroup(ctx, &awsca.GetAssociatedPackageGroupInput{Domain: acme, Format: "npm", Namespace: str("acme"), Package: str("secret-thing")})).of(t)
	if *of.PackageGroup.Pattern != "/npm/acme/secret~" || of.AssociationType != "STRONG" {
		t.Errorf("associated: %s %s", *of.PackageGroup.Pattern, of.AssociationType)
	}
	of = take(api.GetAssociatedPackageGroup(ctx, &awsca.GetAssociatedPackageGroupInput{Domain: acme, Format: "npm", Namespace: str("ACME"), Package: str("secret-thing")})).of(t)
	if of.AssociationType != "WEAK" {
		t.Errorf("a look-alike: %s %s", *of.PackageGroup.Pattern, of.AssociationType)
	}
	packages := func(pattern string, preview bool) (*awsca.ListAssociatedPackagesOutput, error) {
		return api.ListAssociatedPackages(ctx, &awsca.ListAssociatedPackagesInput{Domain: acme, PackageGroup: &pattern, Preview: &preview})
	}
	list := take(packages("/npm/acme/*", false)).of(t)
	if len(list.Packages) != 1 || *list.Packages[0].Package != "lib" {
		t.Errorf("packages: %+v", list.Packages)
	}
	_, err = packages("/npm/acme/li~", false)
	fails(t, err, "ResourceNotFound", "li~")
	if list = take(packages("/npm/acme/lib$", true)).of(t); len(list.Packages) != 1 {
		t.Errorf("previewed: %+v", list.Packages)
	}
	sub := take(api.ListSubPackageGroups(ctx, &awsca.ListSubPackageGroupsInput{Domain: acme, PackageGroup: str("/npm/acme/*")})).of(t)
	if len(sub.PackageGroups) != 1 || *sub.PackageGroups[0].Pattern != "/npm/acme/secret~" {
		t.Errorf("below: %+v", sub.PackageGroups)
	}
	updated := take(api.UpdatePackageGroup(ctx, &awsca.UpdatePackageGroupInput{Domain: acme, PackageGroup: str("/npm/acme/*"), Description: str("ours")})).of(t)
	if *updated.PackageGroup.Description != "ours" || *updated.PackageGroup.ContactInfo != "us" {
		t.Errorf("updated: %+v", updated.PackageGroup)
	}
	l.restart()
	api = l.root
	deleted := take(api.DeletePackageGroup(ctx, &awsca.DeletePackageGroupInput{Domain: acme, PackageGroup: str("/npm/acme/*")})).of(t)
	if *deleted.PackageGroup.Pattern != "/npm/acme/*" {
		t.Errorf("deleted: %+v", deleted)
	}
	orphan := take(api.DescribePackageGroup(ctx, &awsca.DescribePackageGroupInput{Domain: acme, PackageGroup: str("/npm/acme/secret~")})).of(t)
	if *orphan.PackageGroup.Parent.Pattern != "/*" {
		t.Errorf("its child: %+v", orphan.PackageGroup)
	}
	_, err = api.DeletePackageGroup(ctx, &awsca.DeletePackageGroupInput{Domain: acme, PackageGroup: str("/*")})
	fails(t, err, "Validation", "root")
	_, err = api.DescribePackageGroup(ctx, &awsca.DescribePackageGroupInput{Domain: acme, PackageGroup: str("/npm/acme/*")})
	fails(t, err, "ResourceNotFound", "acme")
	groups := take(api.ListPackageGroups(ctx, &awsca.ListPackageGroupsInput{Domain: acme, Prefix: str("/npm")})).of(t)
	if len(groups.PackageGroups) != 1 {
		t.Errorf("groups: %+v", groups.PackageGroups)
	}
}

const (
	namedAccounts = `{"Version":"2012-10-17","Statement":[{"Sid":"readers","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222233334444:root"},
		"Action":["codeartifact:ReadFromRepository","codeartifact:GetAuthorizationToken"],"Resource":"*"},
		{"Sid":"registries","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/root"},"Action":"codeartifact:AssociateExternalConnection","Resource":"*"}]}`
	noReading = `{"Statement":[{"Sid":"closed","Effect":"Deny","Principal":"*","Action":"codeartifact:ReadFromRepository","Resource":"*"}]}`
)

// policiesStory tries the two policies of a domain that people write first, with three principals over both planes.
func policiesStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	put := func(text, revision string) (*awsca.PutDomainPermissionsPolicyOutput, error) {
		in := &awsca.PutDomainPermissionsPolicyInput{Domain: acme, PolicyDocument: &text}
		if revision != "" {
			in.PolicyRevision = &revision
		}
		return api.PutDomainPermissionsPolicy(ctx, in)
	}
	_, err := api.GetDomainPermissionsPolicy(ctx, &awsca.GetDomainPermissionsPolicyInput{Domain: acme})
	fails(t, err, "ResourceNotFound", "policy")
	foreignToken := func(key string) error {
		return second(l.as(key).GetAuthorizationToken(ctx, &awsca.GetAuthorizationTokenInput{Domain: acme}))
	}
	fails(t, foreignToken("foreign"), "AccessDenied", "222233334444")
	policy := take(put(namedAccounts, "")).of(t).Policy
	_, err = put(namedAccounts, "another")
	fails(t, err, "Conflict", "revision")
	_, err = put(`{"Statement":`, "")
	fails(t, err, "Validation", "policy")
	long := strings.Replace(namedAccounts, `"readers"`, `"`+strings.Repeat("r", 7168-len(namedAccounts)+len("readers"))+`"`, 1)
	need(t, 0, second(put(long, *policy.Revision)))
	_, err = put(strings.Replace(long, "rrr", "rrrr", 1), "")
	fails(t, err, "Validation", "7168")
	need(t, 0, second(put(namedAccounts, "")))

	need(t, 0, foreignToken("foreign"))
	if list := take(l.as("foreign").ListDomains(ctx, &awsca.ListDomainsInput{})).of(t); len(list.Domains) != 0 {
		t.Errorf("another account lists %d domains", len(list.Domains))
	}
	fails(t, foreignToken("third"), "AccessDenied", "333344445555")
	if status, _ := l.get("foreign", "npm/a-front/"+lodash); status != 200 {
		t.Errorf("a named account reads: %d", status)
	}
	_, err = l.as("foreign").ListPackages(ctx, &awsca.ListPackagesInput{Domain: acme, Repository: str("a-front")})
	fails(t, err, "AccessDenied", "ListPackages")
	connect := func(key string) error {
		return second(l.as(key).AssociateExternalConnection(ctx, &awsca.AssociateExternalConnectionInput{Domain: acme, Repository: str("base"), ExternalConnection: str("public:npmjs")}))
	}
	fails(t, connect("foreign"), "AccessDenied", "explicit deny")
	fails(t, connect("publisher"), "AccessDenied", "explicit deny")
	need(t, 0, connect("root"))

	closed := &awsca.PutRepositoryPermissionsPolicyInput{Domain: acme, Repository: str("a-front"), PolicyDocument: str(noReading)}
	need(t, 0, second(api.PutRepositoryPermissionsPolicy(ctx, closed)))
	for _, key := range []string{"reader", "foreign"} {
		if status, body := l.get(key, "npm/a-front/"+lodash); status != 403 || !strings.Contains(string(body), "explicit deny") {
			t.Errorf("%s reads what is closed: %d %s", key, status, body)
		}
	}
	have := take(api.GetRepositoryPermissionsPolicy(ctx, &awsca.GetRepositoryPermissionsPolicyInput{Domain: acme, Repository: str("a-front")})).of(t)
	if *have.Policy.Document != noReading || !strings.HasSuffix(*have.Policy.ResourceArn, "repository/acme/a-front") {
		t.Errorf("policy: %+v", have.Policy)
	}
	l.restart()
	api = l.root
	if status, _ := l.get("reader", "npm/a-front/"+lodash); status != 403 {
		t.Errorf("after a restart: %d", status)
	}
	need(t, 0, second(api.DeleteRepositoryPermissionsPolicy(ctx, &awsca.DeleteRepositoryPermissionsPolicyInput{Domain: acme, Repository: str("a-front"), PolicyRevision: have.Policy.Revision})))
	if status, _ := l.get("reader", "npm/a-front/"+lodash); status != 200 {
		t.Errorf("when it is open again: %d", status)
	}
	need(t, 0, second(api.GetDomainPermissionsPolicy(ctx, &awsca.GetDomainPermissionsPolicyInput{Domain: acme})))
	need(t, 0, second(api.DeleteDomainPermissionsPolicy(ctx, &awsca.DeleteDomainPermissionsPolicyInput{Domain: acme})))
	_, err = api.DeleteDomainPermissionsPolicy(ctx, &awsca.DeleteDomainPermissionsPolicyInput{Domain: acme})
	fails(t, err, "ResourceNotFound", "policy")
}

func tagsStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	arn := str("arn:aws:codeartifact:eu-central-1:111122223333:repository/acme/base")
	need(t, 0, second(api.TagResource(ctx, &awsca.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: str("a"), Value: str("1")}, {Key: str("b"), Value: str("")}}})))
	need(t, 0, second(api.UntagResource(ctx, &awsca.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "c"}})))
	got := take(api.ListTagsForResource(ctx, &awsca.ListTagsForResourceInput{ResourceArn: arn})).of(t)
	if len(got.Tags) != 1 || *got.Tags[0].Key != "b" || got.Tags[0].Value == nil {
		t.Errorf("tags: %+v", got.Tags)
	}
	for bad, code := range map[string]string{
		"arn:aws:codeartifact:eu-central-1:111122223333:repository/acme/none":     "ResourceNotFound",
		"arn:aws:codeartifact:eu-central-1:999922223333:repository/acme/base":     "ResourceNotFound",
		"arn:aws:codeartifact:eu-central-1:111122223333:package/acme/base/npm//x": "Validation",
	} {
		_, err := api.ListTagsForResource(ctx, &awsca.ListTagsForResourceInput{ResourceArn: &bad})
		fails(t, err, code, "")
	}
}

// pagesStory walks through lists with pages of two.
func pagesStory(l *lab) {
	t, ctx, api := l.T, l.ctx, l.root
	l.repository("pages")
	for i := range 5 {
		need(t, 0, second(l.put("pages", fmt.Sprint("1.", i), "f", fmt.Sprint(i), false)))
		need(t, 0, second(api.PutPackageOriginConfiguration(ctx, &awsca.PutPackageOriginConfigurationInput{Domain: acme, Repository: str("pages"), Format: "pypi",
			Package: str(fmt.Sprint("Pack_", i)), Restrictions: &types.PackageOriginRestrictions{Publish: "ALLOW", Upstream: "BLOCK"}})))
	}
	two := aws.Int32(2)
	for _, order := range []types.PackageVersionSortType{"", "PUBLISHED_TIME"} {
		p := awsca.NewListPackageVersionsPaginator(api, &awsca.ListPackageVersionsInput{Domain: acme, Repository: str("pages"), Format: "generic", Namespace: str("tools"), Package: str("cli"), MaxResults: two, SortBy: order})
		var seen []string
		for p.HasMorePages() {
			for _, v := range take(p.NextPage(ctx)).of(t).Versions {
				seen = append(seen, *v.Version)
			}
		}
		if order != "" {
			slices.Reverse(seen)
		}
		if !slices.Equal(seen, []string{"1.0", "1.1", "1.2", "1.3", "1.4"}) {
			t.Errorf("versions by %q: %q", order, seen)
		}
	}
	packages := awsca.NewListPackagesPaginator(api, &awsca.ListPackagesInput{Domain: acme, Repository: str("pages"), Format: "pypi", PackagePrefix: str("pack"), Upstream: "BLOCK", MaxResults: two})
	pages, n := 0, 0
	for ; packages.HasMorePages(); pages++ {
		n += len(take(packages.NextPage(ctx)).of(t).Packages)
	}
	if pages != 3 || n != 5 {
		t.Errorf("%d packages on %d pages", n, pages)
	}
	repositories := awsca.NewListRepositoriesInDomainPaginator(api, &awsca.ListRepositoriesInDomainInput{Domain: acme, MaxResults: two})
	for n, pages = 0, 0; repositories.HasMorePages(); pages++ {
		n += len(take(repositories.NextPage(ctx)).of(t).Repositories)
	}
	if pages != (n+1)/2 || n < 5 {
		t.Errorf("%d repositories on %d pages", n, pages)
	}
	_, err := api.ListPackages(ctx, &awsca.ListPackagesInput{Domain: acme, Repository: str("pages"), NextToken: str("bogus")})
	fails(t, err, "Validation", "nextToken")
	_, err = api.ListPackages(ctx, &awsca.ListPackagesInput{Domain: acme, Repository: str("pages"), MaxResults: aws.Int32(1001)})
	fails(t, err, "Validation", "1000")
}

// TestFileAndAPI: what the file declares later adopts what was made here, and what it declares no more is out of reach.
func TestFileAndAPI(t *testing.T) {
	l := newLab(t, `package_group "/npm/acme/*" { publish = "BLOCK" }`)
	l.repository("made")
	_, err := l.root.UpdatePackageGroupOriginConfiguration(l.ctx, &awsca.UpdatePackageGroupOriginConfigurationInput{Domain: acme, PackageGroup: str("/npm/acme/*"),
		Restrictions: map[string]types.PackageGroupOriginRestrictionMode{"PUBLISH": "ALLOW"}})
	fails(t, err, "Conflict", "entrepot.hcl:")
	text := string(take(os.ReadFile(l.config)).of(t))
	l.write(strings.Replace(text, `owner = "111122223333"`, `owner = "111122223333"
  repository "made" { description = "adopted" }`, 1))
	l.restart()
	got := take(l.root.DescribeRepository(l.ctx, &awsca.DescribeRepositoryInput{Domain: acme, Repository: str("made")})).of(t)
	if *got.Repository.Description != "adopted" {
		t.Errorf("adopted: %+v", got.Repository)
	}
	_, err = l.root.DeleteRepository(l.ctx, &awsca.DeleteRepositoryInput{Domain: acme, Repository: str("made")})
	fails(t, err, "Conflict", "entrepot.hcl:")
}
