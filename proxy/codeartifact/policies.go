package codeartifact

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"entrepot/proxy/policy"
)

// revisionOf names a policy's text, for optimistic locks.
func revisionOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (c *call) policyAnswer(text, revision string) object {
	r := policy.Resource{Domain: c.domain.Name}
	if c.repo != nil {
		r.Repository = c.repo.Name
	}
	return object{"policy": object{"resourceArn": r.ARN(c.region(), c.domain.Owner), "revision": revision, "document": text}}
}

// policyTarget is what a policy operation is about.
func (c *call) policyTarget() (kind, id, name string) {
	if c.repo == nil {
		return "domain", c.domain.Name, ""
	}
	return "repository", c.domain.Name + "/" + c.repo.Name, c.repo.Name
}

func getPolicy(_ context.Context, c *call) (any, error) {
	text, revision := c.domain.document(c.o.State, c.repo)
	if text == "" {
		kind, id, _ := c.policyTarget()
		return nil, absent(kind, id, "there is no permissions policy on %s %s", kind, id)
	}
	return c.policyAnswer(text, revision), nil
}

// fixedPolicy refuses a change of a policy that the file declares, or under another's feet.
func (c *call) fixedPolicy(s *State) (have string, err error) {
	kind, id, _ := c.policyTarget()
	d := c.domain.Declaration
	if c.repo != nil {
		d = c.repo.Declaration
	}
	if err := d.fixed(kind, id, "policy"); err != nil {
		return "", err
	}
	have, revision := c.domain.document(s, c.repo)
	if want := c.in.text("policyRevision"); want != "" && want != revision {
		return "", conflict(kind, id, "the policy of %s has another revision than %s: it was changed since", id, want)
	}
	return have, nil
}

func putPolicy(ctx context.Context, c *call) (any, error) {
	text := c.in.text("policyDocument")
	if _, err := policy.ParseDocument([]byte(text)); err != nil {
		return nil, invalid(fieldInvalid, "%v", err)
	}
	_, err := c.change(ctx, func(now *call, s *State) error {
		if _, err := now.fixedPolicy(s); err != nil {
			return err
		}
		_, _, name := now.policyTarget()
		s.put(policyKind, now.domain.Name, name, &PolicyRecord{revisionOf(text), text})
		return nil
	})
	return c.policyAnswer(text, revisionOf(text)), err
}

func deletePolicy(ctx context.Context, c *call) (any, error) {
	var text string
	_, err := c.change(ctx, func(now *call, s *State) (err error) {
		if text, err = now.fixedPolicy(s); err != nil {
			return err
		}
		kind, id, name := now.policyTarget()
		if text == "" {
			return absent(kind, id, "there is no permissions policy on %s %s", kind, id)
		}
		s.remove(policyKind, now.domain.Name, name)
		return nil
	})
	return c.policyAnswer(text, revisionOf(text)), err
}
