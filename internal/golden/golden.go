// Package golden compares what a test sees with what somebody has looked at and recorded in testdata.
//
// go test -update records anew; the difference is then reviewed like code. With a name or a path of a package
// that has recordings: go test ./wire -update.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "record what the tests see in testdata")

// Check compares got with the file at path and reports the first line that is another one. With -update it
// writes the file instead.
func Check(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := record(path, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (-update records it)", err)
	}
	if n, g, w := difference(got, string(want)); n > 0 {
		t.Errorf("%s:%d: got\n\t%q\nrecorded (-update records anew)\n\t%q", path, n, g, w)
	}
}

func record(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// difference returns the number, from 1, of the first line that differs, and that line of both; 0 if none does.
func difference(got, want string) (n int, g, w string) {
	for got != "" || want != "" {
		n++
		g, got = line(got)
		w, want = line(want)
		if g != w {
			return n, g, w
		}
	}
	return 0, "", ""
}

// line cuts off the first line, with its end.
func line(text string) (first, rest string) {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, ""
}
