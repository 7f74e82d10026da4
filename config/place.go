package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// place writes a range as FILE:LINE; empty for what is not from a file.
func place(r hcl.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}

// sets reports whether a block has the attribute.
func sets(b hcl.Body, attribute string) bool {
	body, ok := b.(*hclsyntax.Body)
	return ok && body.Attributes[attribute] != nil
}

// where is the place of an attribute's value, or of its i-th element; of the block (or) if it has no such attribute.
func where(b hcl.Body, or hcl.Range, attribute string, i ...int) hcl.Range {
	if !sets(b, attribute) {
		return or
	}
	expr := b.(*hclsyntax.Body).Attributes[attribute].Expr
	if list, ok := expr.(*hclsyntax.TupleConsExpr); ok && len(i) > 0 && i[0] < len(list.Exprs) {
		expr = list.Exprs[i[0]]
	}
	return expr.Range()
}

// elements is the length of the list that an attribute was given; 0 if it was given something else.
func elements(b hcl.Body, attribute string) int {
	if !sets(b, attribute) {
		return 0
	}
	list, ok := b.(*hclsyntax.Body).Attributes[attribute].Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return 0
	}
	return len(list.Exprs)
}
