package jsonrange

import (
	"encoding/json"
	"testing"
)

func TestAppendReadsTheSame(t *testing.T) {
	for _, s := range []string{"", "plain", `quote " and \`, "line\nfeed", "<html>&", "ü 日本", "\u2028", "\x00", "\xff"} {
		b := append(AppendMember([]byte("{"), s, []byte("1")), '}')
		var got map[string]int
		want, _ := json.Marshal(s)
		var name string
		if err := json.Unmarshal(want, &name); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &got); err != nil || len(got) != 1 || got[name] != 1 {
			t.Errorf("%q: %s: %v, %v", s, b, got, err)
		}
	}
	if b := AppendMember(AppendMember([]byte("{"), "a", []byte("1")), "b", []byte("2")); string(b) != `{"a":1,"b":2` {
		t.Errorf("%s", b)
	}
}
