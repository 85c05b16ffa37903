package golden

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// witness notes what Check reports.
type witness struct {
	testing.TB
	said string
}

func (w *witness) Helper() {}

func (w *witness) Errorf(format string, args ...any) { w.said = fmt.Sprintf(format, args...) }

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recorded.txt")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		"one\ntwo\n":   "",
		"one\nthree\n": ":2: ",
		"one\n":        ":2: ",
		"one\ntwo":     ":2: ",
		"one\ntwo\n\n": ":3: ",
		"":             ":1: ",
	} {
		w := &witness{TB: t}
		if Check(w, path, got); (w.said == "") != (want == "") || !strings.Contains(w.said, want) {
			t.Errorf("%q: said %q, want %q", got, w.said, want)
		}
	}
}

func TestAnnotate(t *testing.T) {
	b := []byte{1, 2, 3, 2, 'a', 'b', 0x80, 1}
	text, err := Annotate(b, "head:3 name:s count:v")
	if want := fmt.Sprintf("%-22s 010203\n%-22s 026162\n%-22s 8001\n", "head", "name", "count"); err != nil || text != want {
		t.Errorf("got %v\n%s", err, text)
	}
	if back, err := Bytes(text); err != nil || !bytes.Equal(back, b) {
		t.Errorf("reads back as %x, %v", back, err)
	}
	for _, layout := range []string{"head:3", "head:3 name:s count:v more:1", "head:9", "head:0 rest:8", "head:x"} {
		if text, err := Annotate(b, layout); err == nil {
			t.Errorf("%q fits:\n%s", layout, text)
		}
	}
}
