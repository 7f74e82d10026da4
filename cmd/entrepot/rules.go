package main

import (
	"fmt"
	"strings"

	"entrepot/config"
	"entrepot/proxy/policy"
)

// rules compiles a domain's rules.
func rules(d *config.Domain) (*policy.Rules, error) {
	var out []policy.Rule
	for i := range d.Rules {
		r := &d.Rules[i]
		rule := policy.Rule{Name: r.Name, Place: r.Place(), MinAge: r.MinAge.Value(), Deny: r.Deny, Observe: r.Mode == "observe"}
		var err error
		if r.FreezeAfter != "" {
			if rule.FreezeAfter, err = config.ParseMoment(r.FreezeAfter); err != nil {
				return nil, fmt.Errorf("%s: %w", r.Place(), err)
			}
		}
		if rule.Match, err = selectors(r.Match); err != nil {
			return nil, fmt.Errorf("%s: match: %w", r.Place(), err)
		}
		if rule.Except, err = selectors(r.Except); err != nil {
			return nil, fmt.Errorf("%s: except: %w", r.Place(), err)
		}
		out = append(out, rule)
	}
	return policy.NewRules(out), nil
}

func selectors(list []string) ([]policy.Selector, error) {
	var out []policy.Selector
	for _, s := range list {
		sel, err := policy.ParseSelector(strings.TrimSpace(s))
		if err != nil {
			return nil, err
		}
		out = append(out, sel)
	}
	return out, nil
}
