package config

import (
	"fmt"

	"github.com/agext/levenshtein"
)

// nearest returns the candidate that a misspelt word most likely means, or "". It admits one wrong letter in three.
func nearest(word string, candidates []string) string {
	best, distance := "", len(word)/3+1
	for _, c := range candidates {
		if d := levenshtein.Distance(word, c, nil); d < distance && c != word {
			best, distance = c, d
		}
	}
	return best
}

// meant is the suggestion that goes with nearest.
func meant(word string, candidates []string) string {
	if n := nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}
