package npm

import (
	"encoding/json"

	"entrepot/cache"
)

// parseString reads a body that is one JSON string.
func parseString(b []byte) (string, error) {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return "", cache.Invalidf("the body is no JSON string: %v", err)
	}
	return s, nil
}
