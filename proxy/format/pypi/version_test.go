package pypi

import (
	"slices"
	"testing"
)

func TestNormaliseVersion(t *testing.T) {
	for in, want := range map[string]string{
		"1.0": "1.0", "1.0.0": "1.0.0", "01.002": "1.2", "v1.0": "1.0", "V1": "1",
		"1.0a1": "1.0a1", "1.0-Alpha.1": "1.0a1", "1.0_beta_2": "1.0b2", "1.0c": "1.0rc0", "1.0pre3": "1.0rc3", "1.0.preview": "1.0rc0",
		"1.0-1": "1.0.post1", "1.0.post": "1.0.post0", "1.0r4": "1.0.post4", "1.0-rev-04": "1.0.post4",
		"1.0dev": "1.0.dev0", "1.0-DEV-09": "1.0.dev9", "1.0a1.post2.dev3+Ubuntu-01_x": "1.0a1.post2.dev3+ubuntu.1.x",
		"0!1.0": "1.0", "01!2.0": "1!2.0", "20240101123456789012": "20240101123456789012",
		"": "", "1.0-final": "", "one": "", "1.0+": "", "1..0": "", "1.0 ": "", "1.0a1b1": "", "1.0+a..b": "", "2004d": "",
	} {
		got, ok := normaliseVersion(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
		if again, _ := normaliseVersion(got); again != got {
			t.Errorf("%q is normalised to %q, and that to %q", in, got, again)
		}
	}
}

func TestLater(t *testing.T) {
	got := []string{"1.0rc1", "nonsense", "1.10", "1.9", "2.0.dev1", "1!0.1", "1.9.post1"}
	slices.SortFunc(got, func(a, b string) int {
		if later(a, b) {
			return -1
		}
		return 1
	})
	if want := []string{"1!0.1", "1.10", "1.9.post1", "1.9", "2.0.dev1", "1.0rc1", "nonsense"}; !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
}

func TestVersionOf(t *testing.T) {
	for _, tt := range []struct{ project, file, want string }{
		{"my-pkg", "my_pkg-1.0-py3-none-any.whl", "1.0"},
		{"my-pkg", "My.Pkg-1.0-2-cp311-cp311-win_amd64.whl", "1.0"},
		{"my-pkg", "my_pkg-1.0_1-py3-none-any.whl", "1.0.post1"},
		{"my-pkg", "my_pkg-1.0-py3-any.whl", ""},
		{"my-pkg", "other-1.0-py3-none-any.whl", ""},
		{"my-pkg", "my-pkg-1.0.tar.gz", "1.0"},
		{"my-pkg", "my-pkg-1.0-1.tar.gz", "1.0.post1"},
		{"my-pkg", "my_pkg-1.0.TAR.GZ", "1.0"},
		{"my-pkg", "my-pkg-1.0.zip.asc", ""},
		{"my-pkg", "my-pkg-extra-1.0.zip", "extra-1.0"}, // of another project, but nobody can tell
		{"my", "my-2-1.0.zip", "2-1.0"},
		{"foo", "foo-1.0.win32-py2.7.exe", "1.0"},
		{"foo", "foo-1.0.win-amd64-py3.8.exe", "1.0"},
		{"foo", "foo-1.0.linux-x86_64.tar.gz", "1.0"},
		{"foo", "foo-1.0.macosx-10.9-x86_64.tar.gz", "1.0"},
		{"foo", "foo-1.0-py2.7.egg", "1.0"},
		{"foo", "foo-1.0-py3.8-linux-x86_64.egg", "1.0"},
		{"foo", "foo-1.0-1.noarch.rpm", "1.0.post1"},
		{"foo", "foo-0.1dev-r1234.tar.gz", "0.1dev-r1234"},
		{"pytz", "pytz-2004b-2.tar.gz", "2004b2"},
		{"pytz", "pytz-2007f-py2.5.egg", "2007f"},
		{"foo", "foo-1.0.tar.gz/../x", ""},
		{"foo", "foo-.tar.gz", ""},
		{"foo", "foo-%.tar.gz", ""},
		{"foo", "foo.tar.gz", ""},
		{"foo", "", ""},
	} {
		if got, ok := versionOf(tt.project, tt.file); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.file, got, ok, tt.want)
		}
	}
}
