package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// big writes a packument of n versions as the largest packages have them: some 2.5 KiB each.
func big(w io.Writer, n int) {
	fmt.Fprint(w, `{"_id":"big","name":"big","dist-tags":{"latest":"1.0.0"},"versions":{`)
	deps := bytes.Repeat([]byte(`"some-dependency-of-it":"^1.2.3",`), 60)
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `"1.0.%d":{"name":"big","version":"1.0.%d","description":"a package","dependencies":{%s"last":"1"},"scripts":{"test":"x"},`+
			`"dist":{"integrity":"sha512-%086d==","shasum":"%040d","tarball":"https://registry.example/big/-/big-1.0.%d.tgz"}}`, i, i, deps, i, i, i)
	}
	fmt.Fprint(w, `},"time":{`)
	for i := range n {
		fmt.Fprintf(w, `"1.0.%d":"2026-01-01T00:00:00.000Z",`, i)
	}
	fmt.Fprint(w, `"modified":"2026-01-01T00:00:00.000Z"},"readme":"read"}`)
}

// onDisk is a registry whose one document is a file.
type onDisk struct {
	formattest.Registry
	file *os.File
}

func (d *onDisk) Get(context.Context, format.Query) (*cache.Document, error) {
	info, err := d.file.Stat()
	if err != nil {
		return nil, err
	}
	return &cache.Document{DocumentRecord: cache.DocumentRecord{Size: info.Size()}, File: sized{d.file, info.Size()}}, nil
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }
func (sized) Close() error  { return nil }

// TestLargePackumentInLittleMemory lists and encodes a document of 100 MB, and looks at the heap meanwhile.
func TestLargePackumentInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "big.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	big(f, 45_000)
	if info, err := f.Stat(); err != nil || info.Size() < 100<<20 {
		t.Fatalf("the document has %d bytes (%v)", info.Size(), err)
	}
	runtime.GC()
	watch := &watcher{base: heap()}
	l, err := Format{}.Listing(t.Context(), cache.Package{Format: "npm", Name: "big"}, &onDisk{file: f})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	watch.look()
	for _, view := range []string{fullView, abbreviatedView, versionView + "latest"} {
		if err := (Format{}).Encode(watch, l, format.View{Name: view, Base: formattest.Base}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d versions, %d MB written, %d MB of heap at most", len(l.Versions), watch.written>>20, watch.most>>20)
	if watch.most > 50<<20 {
		t.Errorf("%d MB of heap", watch.most>>20)
	}
}

// watcher is a writer that looks at the heap every 8 MiB.
type watcher struct {
	base, most    uint64
	written, seen int64
}

func (w *watcher) Write(p []byte) (int, error) {
	w.written += int64(len(p))
	if w.written-w.seen > 8<<20 {
		w.seen = w.written
		w.look()
	}
	return len(p), nil
}

func (w *watcher) look() {
	if h := heap(); h > w.base {
		w.most = max(w.most, h-w.base)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestSpilledDocumentsAreWhole holds that a document written in many parts is the one that was read.
func TestSpilledDocumentsAreWhole(t *testing.T) {
	var doc bytes.Buffer
	big(&doc, 200)
	l, err := Format{}.Listing(t.Context(), cache.Package{Format: "npm", Name: "big"}, formattest.NewRegistry(map[string]string{"big": doc.String()}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, view := range []string{fullView, abbreviatedView} {
		var out bytes.Buffer
		if err := (Format{}).Encode(&out, l, format.View{Name: view, Base: formattest.Base}); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Versions map[string]struct{ Dependencies map[string]string }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Versions) != 200 || got.Versions["1.0.199"].Dependencies["last"] != "1" {
			t.Errorf("%s: %d versions, %v", view, len(got.Versions), err)
		}
	}
}

func BenchmarkPackument(b *testing.B) {
	var doc bytes.Buffer
	big(&doc, 60) // 130 KB
	g := formattest.NewRegistry(map[string]string{"big": doc.String()})
	for _, view := range []string{fullView, abbreviatedView} {
		b.Run(view, func(b *testing.B) {
			b.SetBytes(int64(doc.Len()))
			b.ReportAllocs()
			for b.Loop() {
				l, err := Format{}.Listing(b.Context(), cache.Package{Format: "npm", Name: "big"}, g)
				if err != nil {
					b.Fatal(err)
				}
				l.Versions[3].Published = time.Time{}
				if err := (Format{}).Encode(io.Discard, l, format.View{Name: view, Base: formattest.Base}); err != nil {
					b.Fatal(err)
				}
				l.Close()
			}
		})
	}
}
