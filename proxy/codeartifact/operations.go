package codeartifact

import "context"

// handler carries out an operation that was decoded, resolved and authorised. What it returns is the JSON of the
// answer; nil: it has written the answer itself.
type handler func(ctx context.Context, c *call) (any, error)

// operations are all that the service has, by their names in the model.
var operations = map[string]handler{
	"AssociateExternalConnection":           associateExternalConnection,
	"CopyPackageVersions":                   copyPackageVersions,
	"CreateDomain":                          createDomain,
	"CreatePackageGroup":                    createPackageGroup,
	"CreateRepository":                      createRepository,
	"DeleteDomain":                          deleteDomain,
	"DeleteDomainPermissionsPolicy":         deletePolicy,
	"DeletePackage":                         deletePackage,
	"DeletePackageGroup":                    deletePackageGroup,
	"DeletePackageVersions":                 deletePackageVersions,
	"DeleteRepository":                      deleteRepository,
	"DeleteRepositoryPermissionsPolicy":     deletePolicy,
	"DescribeDomain":                        describeDomain,
	"DescribePackage":                       describePackage,
	"DescribePackageGroup":                  describePackageGroup,
	"DescribePackageVersion":                describePackageVersion,
	"DescribeRepository":                    describeRepository,
	"DisassociateExternalConnection":        disassociateExternalConnection,
	"DisposePackageVersions":                disposePackageVersions,
	"GetAssociatedPackageGroup":             getAssociatedPackageGroup,
	"GetAuthorizationToken":                 getAuthorizationToken,
	"GetDomainPermissionsPolicy":            getPolicy,
	"GetPackageVersionAsset":                getPackageVersionAsset,
	"GetPackageVersionReadme":               getPackageVersionReadme,
	"GetRepositoryEndpoint":                 getRepositoryEndpoint,
	"GetRepositoryPermissionsPolicy":        getPolicy,
	"ListAllowedRepositoriesForGroup":       listAllowedRepositoriesForGroup,
	"ListAssociatedPackages":                listAssociatedPackages,
	"ListDomains":                           listDomains,
	"ListPackageGroups":                     listPackageGroups,
	"ListPackageVersionAssets":              listPackageVersionAssets,
	"ListPackageVersionDependencies":        listPackageVersionDependencies,
	"ListPackageVersions":                   listPackageVersions,
	"ListPackages":                          listPackages,
	"ListRepositories":                      listRepositories,
	"ListRepositoriesInDomain":              listRepositoriesInDomain,
	"ListSubPackageGroups":                  listSubPackageGroups,
	"ListTagsForResource":                   listTagsForResource,
	"PublishPackageVersion":                 publishPackageVersion,
	"PutDomainPermissionsPolicy":            putPolicy,
	"PutPackageOriginConfiguration":         putPackageOriginConfiguration,
	"PutRepositoryPermissionsPolicy":        putPolicy,
	"TagResource":                           tagResource,
	"UntagResource":                         untagResource,
	"UpdatePackageGroup":                    updatePackageGroup,
	"UpdatePackageGroupOriginConfiguration": updatePackageGroupOriginConfiguration,
	"UpdatePackageVersionsStatus":           updatePackageVersionsStatus,
	"UpdateRepository":                      updateRepository,
}
