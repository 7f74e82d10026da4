package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"entrepot/cache/index"
	"entrepot/config"
	"entrepot/proxy/auth"
)

func token(ctx context.Context, env *environment, args []string) error {
	const text = "Creates, lists and revokes tokens. A token is shown once, when it is created."
	fs := flags(env, "token", "create --user NAME | list [--user NAME] | revoke ID", text)
	var s settings
	s.register(env, fs, "config", "data")
	q := tokenRequest{}
	fs.StringVar(&q.Principal, "user", "", "the `NAME` that the token belongs to; it may do what the configuration lets that name do")
	fs.StringVar(&q.Note, "note", "", "what it is for")
	fs.StringVar(&q.Domain, "domain", "", "the only domain that it is for")
	fs.BoolVar(&q.ReadOnly, "read-only", false, "it only reads")
	fs.Func("cidr", "`RANGE` of addresses it may be used from; repeat for more", func(v string) error { q.CIDR = append(q.CIDR, v); return nil })
	fs.BoolVar(&q.AWS, "aws", false, "make a key pair that AWS clients sign with: an access key ID and its secret")
	life := fs.String("life", "", "how `LONG` it is good for, such as 12h or 90d; default: it does not end")
	asJSON := fs.Bool("json", false, "print JSON")
	verb, rest := "", args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, rest = args[0], args[1:]
	}
	if err := parse(env, fs, rest, 1); err != nil {
		return err
	}
	if *life != "" {
		d, err := config.ParseDuration(*life)
		if err != nil {
			return &usageError{"token: " + err.Error(), false}
		}
		q.Life = d
	}
	q.ID = fs.Arg(0)
	switch {
	case verb == "create" && q.Principal == "":
		return &usageError{"token create: say whose it is: --user NAME", false}
	case verb == "revoke" && q.ID == "":
		return &usageError{"token revoke: say which: its ID, or the token itself", false}
	case verb != "create" && verb != "list" && verb != "revoke":
		return &usageError{"token: say create, list or revoke", false}
	}
	reply, err := s.token(ctx, verb, q)
	if err != nil {
		return err
	}
	return printTokens(env, verb, reply, *asJSON)
}

// token does a verb through the owner of the data directory, or as its owner.
func (s *settings) token(ctx context.Context, verb string, q tokenRequest) (tokenReply, error) {
	file, dir, err := s.open()
	if err != nil {
		return tokenReply{}, err
	}
	owner, err := own(dir)
	if err != nil {
		return tokenReply{}, err
	}
	if owner == nil {
		return askOwner(ctx, dir, verb, q)
	}
	defer owner.close()
	db, err := index.Open(ctx, filepath.Join(dir, "index.db"))
	if err != nil {
		return tokenReply{}, err
	}
	defer db.Close()
	a := auth.New(db)
	if err := a.SetAccess(access(file)); err != nil {
		return tokenReply{}, err
	}
	return doToken(ctx, a, verb, q)
}

func printTokens(env *environment, verb string, reply tokenReply, asJSON bool) error {
	switch {
	case asJSON:
		e := json.NewEncoder(env.stdout)
		e.SetIndent("", "  ")
		return e.Encode(reply)
	case verb == "create" && strings.HasPrefix(reply.Tokens[0].ID, "AKIA"):
		fmt.Fprintf(env.stdout, "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", reply.Tokens[0].ID, reply.Secret)
		return nil
	case verb == "create":
		fmt.Fprintln(env.stdout, reply.Secret)
		return nil
	case verb == "revoke":
		return nil
	}
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tBEGINS\tUSER\tMAY\tCREATED\tEXPIRES\tUSED\tNOTE")
	for _, t := range reply.Tokens {
		may := "as its user"
		if t.ReadOnly {
			may = "read"
		}
		fmt.Fprintf(w, "%s\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Prefix, t.Principal, may, day(t.Created), day(t.Expires), day(t.Used), t.Note)
	}
	return w.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
