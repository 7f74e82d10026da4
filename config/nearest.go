package config

import (
	"fmt"
	"slices"

	"github.com/agext/levenshtein"
)

// nearest returns the candidate that a misspelt word most likely means, or "". It admits one wrong letter in three.
func nearest(word string, candidates []string) string {
	best, distance := "", len(word)/3+1
	for _, c := range candidates {
		d := levenshtein.Distance(word, c, nil)
		if letters(word) == letters(c) {
			d = min(d, 1) // letters in the wrong order are one mistake
		}
		if d < distance && c != word {
			best, distance = c, d
		}
	}
	return best
}

// letters returns the bytes of a word in order.
func letters(word string) string {
	b := []byte(word)
	slices.Sort(b)
	return string(b)
}

// meant is the suggestion that goes with nearest.
func meant(word string, candidates []string) string {
	if n := nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}
