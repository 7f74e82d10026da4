package formattest

import (
	"os"
	"os/exec"
	"testing"
)

// allClients is the variable that turns a skip for a missing client into a failure: .ci/run sets it, since it has
// installed all of them.
const allClients = "ENTREPOT_TEST_ALL"

// Client returns the path of a client, such as npm. Where it is not installed the test is skipped, or fails if
// ENTREPOT_TEST_ALL is set.
func Client(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv(allClients) != "":
		t.Fatalf("%s is not installed, and %s asks for every client", name, allClients)
	default:
		t.Skipf("%s is not installed", name)
	}
	return ""
}
