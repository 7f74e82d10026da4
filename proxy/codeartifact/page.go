package codeartifact

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// defaultPage is how many results a page has if the client does not say.
const defaultPage = 100

// after reads the place where a page begins: as many texts as the operation put into the token.
func (c *call) after(n int) ([]string, error) {
	token := c.in.text("nextToken")
	if token == "" {
		return nil, nil
	}
	var place []string
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(b, &place)
	}
	if err != nil || len(place) != n+1 || place[0] != c.op.Name {
		return nil, invalid(fieldInvalid, "The nextToken is not one that this operation gave")
	}
	return place[1:], nil
}

// token is the place behind which the next page begins.
func (c *call) token(place ...string) string {
	b, _ := json.Marshal(append([]string{c.op.Name}, place...)) // strings
	return base64.RawURLEncoding.EncodeToString(b)
}

func (c *call) pageSize() int { return int(c.in.number("maxResults", defaultPage)) }

// page cuts a page out of a sorted list of which everything is at hand.
func page[T any](c *call, list []T, name func(T) string) (part []T, next string, err error) {
	after, err := c.after(1)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		i, found := slices.BinarySearchFunc(list, after[0], func(x T, s string) int { return strings.Compare(name(x), s) })
		if found {
			i++
		}
		list = list[i:]
	}
	if n := c.pageSize(); len(list) > n {
		list = list[:n]
		next = c.token(name(list[n-1]))
	}
	return list, next, nil
}
