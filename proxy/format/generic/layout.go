package generic

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"entrepot/cache"
)

var marker = regexp.MustCompile(`\{[^{}]*\}`)

// markers are what a layout may have; {name} is another word for {package}.
var markers = []string{"{namespace}", "{package}", "{name}", "{version}", "{asset}"}

// parseLayout checks a layout, and returns it without a slash at the start.
func parseLayout(layout string) (string, error) {
	layout = strings.TrimPrefix(layout, "/")
	for _, m := range marker.FindAllString(layout, -1) {
		if !slices.Contains(markers, m) {
			return "", fmt.Errorf("%s is none of %s", m, strings.Join(markers, ", "))
		}
	}
	text := marker.ReplaceAllString(layout, "x")
	switch u, err := url.Parse("./" + text); {
	case err != nil:
		return "", err
	case strings.ContainsAny(text, "{}"):
		return "", errors.New("it has a brace without its partner")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it is to be a path, without ? and #")
	case strings.Count(layout, "{asset}") != 1:
		return "", errors.New("{asset} has to be in it, once")
	case !clean(text):
		return "", errors.New("it has an empty segment or one of dots")
	}
	return layout, nil
}

func layoutError(connection string, err error) error {
	return fmt.Errorf("layout of connection %q: %w", connection, err)
}

// fill is where a registry of that layout keeps a file, relative to its base.
func fill(layout string, a cache.AssetKey) string {
	segments := strings.Split(a.Asset, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	name := url.PathEscape(a.Package.Name)
	// What stands first must not be taken for a scheme: "./".
	return "./" + strings.NewReplacer(
		"{namespace}", url.PathEscape(a.Package.Namespace), "{package}", name, "{name}", name,
		"{version}", url.PathEscape(a.Version), "{asset}", strings.Join(segments, "/"),
	).Replace(layout)
}

// clean reports whether a path has neither empty segments nor ones of dots.
func clean(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		if s == "" || s == "." || s == ".." {
			return false
		}
	}
	return true
}
