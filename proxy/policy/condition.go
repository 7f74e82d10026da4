package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one operator on one key of a statement: true if any of its values is.
type condition struct {
	key      string // lower case
	operator string // lower case, without IfExists
	ifExists bool
	negated  bool // true if none of the values is
	want     []string
}

// operators are those that are known, each with what it is the negation of, or itself.
var operators = map[string]string{
	"stringequals": "stringequals", "stringnotequals": "stringequals",
	"stringequalsignorecase": "stringequalsignorecase", "stringnotequalsignorecase": "stringequalsignorecase",
	"stringlike": "stringlike", "stringnotlike": "stringlike",
	"arnequals": "stringlike", "arnnotequals": "stringlike", "arnlike": "stringlike", "arnnotlike": "stringlike",
	"bool": "bool", "null": "null",
	"ipaddress": "ipaddress", "notipaddress": "ipaddress",
	"dateequals": "dateequals", "datenotequals": "dateequals", "datelessthan": "datelessthan", "datelessthanequals": "datelessthanequals",
	"dategreaterthan": "dategreaterthan", "dategreaterthanequals": "dategreaterthanequals",
}

func newCondition(operator, key string, want []string) (condition, error) {
	c := condition{key: strings.ToLower(key), want: want}
	name, ifExists := strings.CutSuffix(strings.ToLower(operator), "ifexists")
	base, ok := operators[name]
	if !ok {
		return c, fmt.Errorf("the condition operator %q is not known", operator)
	}
	c.operator, c.ifExists, c.negated = base, ifExists, strings.Contains(name, "not")
	if len(want) == 0 {
		return c, fmt.Errorf("the condition on %q has no value", key)
	}
	for i, w := range want {
		var err error
		switch {
		case base == "ipaddress":
			_, err = parsePrefix(w)
		case strings.HasPrefix(base, "date"):
			_, err = parseDate(w)
		case base == "bool" || base == "null":
			want[i] = strings.ToLower(w)
			_, err = strconv.ParseBool(want[i])
		}
		if err != nil {
			return c, fmt.Errorf("the condition on %q: %w", key, err)
		}
	}
	return c, nil
}

// varies reports whether the answer may differ between two requests of one principal for the same thing.
func (c *condition) varies() bool {
	switch c.key {
	case "aws:principalarn", "aws:principalaccount", "aws:username", "aws:principaltype":
		return false
	}
	return true
}

// holds decides the condition for a request.
func (c *condition) holds(q *Request) bool {
	have, known := q.key(c.key)
	if c.operator == "null" {
		return slices.Contains(c.want, strconv.FormatBool(!known))
	}
	if !known {
		return c.ifExists || c.negated
	}
	return slices.ContainsFunc(c.want, func(w string) bool { return c.is(have, w) }) != c.negated
}

func (c *condition) is(have, want string) bool {
	switch c.operator {
	case "stringequals":
		return have == want
	case "stringequalsignorecase":
		return strings.EqualFold(have, want)
	case "stringlike":
		return glob(want, have)
	case "bool":
		return have == want
	case "ipaddress":
		addr, err := netip.ParseAddr(have)
		prefix, bad := parsePrefix(want)
		return err == nil && bad == nil && prefix.Contains(addr.Unmap())
	}
	a, err := parseDate(have)
	b, bad := parseDate(want)
	if err != nil || bad != nil {
		return false
	}
	switch c.operator {
	case "dateequals":
		return a.Equal(b)
	case "datelessthan":
		return a.Before(b)
	case "datelessthanequals":
		return !a.After(b)
	case "dategreaterthan":
		return a.After(b)
	}
	return !a.Before(b)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	return time.Time{}, fmt.Errorf("%q is no date", s)
}
