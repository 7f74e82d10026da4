package codeartifact

import (
	"context"
	"time"
)

// The life of an authorization token: what the client says, or 12 hours. 0 is the life of the credentials that it
// signed with; an access key of ours has no end, so that it means 12 hours too.
const (
	minLife     = 900
	defaultLife = 43200
)

func getAuthorizationToken(ctx context.Context, c *call) (any, error) {
	life := c.in.number("durationSeconds", defaultLife)
	if life == 0 {
		life = defaultLife
	}
	if life < minLife {
		return nil, constraint(life, "durationSeconds", "Member must be 0, or between 900 and 43200")
	}
	secret, token, err := c.o.Authority.IssueShort(ctx, c.principal, c.domain.Name, time.Duration(life)*time.Second)
	if err != nil {
		return nil, err
	}
	return object{"authorizationToken": secret, "expiration": seconds(token.Expires)}, nil
}

func getRepositoryEndpoint(_ context.Context, c *call) (any, error) {
	label := c.domain.Name + "-" + c.domain.Owner
	return object{"repositoryEndpoint": c.client.Origin + "/" + c.in.text("format") + "/d/" + label + "/" + c.repo.Name + "/"}, nil
}
