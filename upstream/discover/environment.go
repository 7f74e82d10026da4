package discover

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	envPrefix = "ENTREPOT_"
	envSuffix = "_URL"
)

// EnvName is the variable that gives a connection's address: its name in capitals, anything else as underscore.
// ENTREPOT_PUBLIC_MAVEN_CENTRAL_URL for public:maven-central.
func EnvName(connection string) string {
	return envPrefix + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, connection) + envSuffix
}

// FromEnvironment returns the addresses that the environment gives, sorted by connection. formats are the known
// connections with their formats: the well-known ones and the private: ones of the configuration. A private: name
// that is not among them is taken from its variable if it is one word, with an unknown format. The error names every
// variable that cannot be used; the addresses are those of the others.
func FromEnvironment(environ []string, formats map[string]string) ([]Address, error) {
	names := variables(formats)
	var found []Address
	var errs []error
	for _, kv := range environ {
		variable, value, _ := strings.Cut(kv, "=")
		if value == "" || !strings.HasPrefix(variable, envPrefix) || !strings.HasSuffix(variable, envSuffix) {
			continue
		}
		connections := names[variable]
		if word, ok := privateWord(variable); ok && len(connections) == 0 {
			connections = []string{"private:" + word}
		}
		if len(connections) > 1 {
			errs = append(errs, fmt.Errorf("%s could be any of %s", variable, strings.Join(connections, ", ")))
			continue
		}
		if len(connections) == 0 {
			continue // ENTREPOT_… that is somebody else's
		}
		u, credential, err := clean(value)
		if err == nil && credential {
			err = errors.New("an address with a credential, which belongs in the connection's auth block")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", variable, err))
			continue
		}
		c := connections[0]
		found = append(found, Address{Connection: c, Format: formats[c], URL: u.String(), Source: variable})
	}
	slices.SortFunc(found, func(a, b Address) int { return strings.Compare(a.Connection, b.Connection) })
	return found, errors.Join(errs...)
}

// variables maps each variable to the connections that it can mean.
func variables(formats map[string]string) map[string][]string {
	names := map[string][]string{}
	for _, c := range slices.Sorted(maps.Keys(formats)) {
		names[EnvName(c)] = append(names[EnvName(c)], c)
	}
	return names
}

// privateWord is NAME of ENTREPOT_PRIVATE_NAME_URL in lower case, if an underscore does not make it ambiguous.
func privateWord(variable string) (string, bool) {
	word, ok := strings.CutPrefix(strings.TrimSuffix(variable, envSuffix), envPrefix+"PRIVATE_")
	return strings.ToLower(word), ok && word != "" && !strings.Contains(word, "_")
}
