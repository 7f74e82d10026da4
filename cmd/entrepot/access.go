package main

import (
	"entrepot/config"
	"entrepot/proxy/auth"
)

// access is who may come in, as the configuration says it.
func access(file *config.File) auth.Access {
	var out auth.Access
	c := file.Access
	if c == nil {
		return out
	}
	switch c.Anonymous {
	case "none":
		out.Anonymous = auth.NobodyReads
	case "read":
		out.Anonymous = auth.EverybodyReads
	}
	for _, u := range c.Users {
		out.Users = append(out.Users, auth.User{Name: u.Name, Password: auth.Secret(u.Password.Reveal()), Account: u.Account, Level: level(u.Policy)})
	}
	for _, t := range c.Tokens {
		out.Tokens = append(out.Tokens, auth.StaticToken{Name: or(t.User, t.Name), Token: auth.Secret(t.Secret.Reveal()), Account: t.Account, Level: level(t.Policy)})
	}
	for _, k := range c.Keys {
		out.Keys = append(out.Keys, auth.Key{
			Name: or(k.User, k.Name), AccessKeyID: k.AccessKeyID, Secret: auth.Secret(k.Secret.Reveal()), Account: k.Account, Level: level(k.Policy),
		})
	}
	return out
}

func level(policy string) auth.Level {
	l, ok := auth.ParseLevel(policy)
	if !ok {
		return auth.ReadLevel // the least; config.Check refuses what is neither a level nor supported
	}
	return l
}
