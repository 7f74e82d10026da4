package index

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
)

func TestDocuments(t *testing.T) {
	db := openTest(t)
	key := cache.DocumentKey{Domain: "acme", Connection: "public:npmjs", Scope: "s", Path: "left-pad", Accept: "*/*"}
	if _, err := db.Document(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v", err)
	}
	present := cache.DocumentRecord{Key: key, Status: 200, Digest: blob.Sum([]byte("x")), Size: 1 << 40,
		URL: "http://registry.example/left-pad", ContentType: "application/json", ETag: `"e"`, LastModified: "then",
		Fetched: day, Checked: day.Add(time.Minute)}
	absent := cache.DocumentRecord{Key: key, Status: 404, Fetched: day, Checked: day}
	for _, want := range []cache.DocumentRecord{present, absent, present} {
		if err := db.PutDocument(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Document(t.Context(), key); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, other := range []cache.DocumentKey{
		{Domain: "x", Connection: "public:npmjs", Scope: "s", Path: "left-pad", Accept: "*/*"},
		{Domain: "acme", Connection: "x", Scope: "s", Path: "left-pad", Accept: "*/*"},
		{Domain: "acme", Connection: "public:npmjs", Scope: "x", Path: "left-pad", Accept: "*/*"},
		{Domain: "acme", Connection: "public:npmjs", Scope: "s", Path: "Left-pad", Accept: "*/*"},
		{Domain: "acme", Connection: "public:npmjs", Scope: "s", Path: "left-pad"},
	} {
		if r, err := db.Document(t.Context(), other); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: %+v, %v", other, r, err)
		}
	}
}

func TestExpireAbsences(t *testing.T) {
	db := openTest(t)
	for i := range 10 {
		r := cache.DocumentRecord{Key: cache.DocumentKey{Path: fmt.Sprint(i)}, Status: 404, Checked: day.AddDate(0, 0, i)}
		if i%2 == 0 {
			r.Status, r.Digest = 200, blob.Sum(nil)
		}
		if err := db.PutDocument(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{2, 1, 0} { // days 1, 3 and 5 are before day 6
		if n, err := db.ExpireAbsences(t.Context(), day.AddDate(0, 0, 6), 2); err != nil || n != want {
			t.Errorf("expired %d, %v, want %d", n, err, want)
		}
	}
	for i := range 10 {
		_, err := db.Document(t.Context(), cache.DocumentKey{Path: fmt.Sprint(i)})
		if gone := i%2 == 1 && i < 6; gone != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("document %d: %v", i, err)
		}
	}
}

func TestRenderings(t *testing.T) {
	db := openTest(t)
	r := cache.Rendering{Key: [32]byte{1}, Digest: blob.Sum([]byte("x")), Size: 7, Gzip: blob.Sum([]byte("y")), GzipSize: 5,
		Modified: day, Created: day}
	if _, err := db.Rendering(t.Context(), r.Key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v", err)
	}
	plain := cache.Rendering{Key: r.Key, Digest: r.Digest, Size: 8, Created: day.Add(time.Hour)}
	for _, want := range []cache.Rendering{r, plain} {
		if err := db.PutRendering(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Rendering(t.Context(), r.Key); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for at, want := range map[time.Time]int{day: 0, plain.Created.Add(time.Second): 1} {
		if n, err := db.ExpireRenderings(t.Context(), at, 10); err != nil || n != want {
			t.Errorf("expired %d before %s, %v, want %d", n, at, err, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	db := openTest(t)
	want := []Address{
		{"private:a", "http://registry.example/a", "npm", day},
		{"public:npmjs", "http://registry.example/new", "environment", day.Add(time.Hour)},
	}
	for _, a := range append([]Address{{"public:npmjs", "http://registry.example/old", "npm", day}}, want...) {
		if err := db.PutAddress(t.Context(), a.Connection, a.URL, a.Source, a.At); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := db.Addresses(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
