package demo

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/crypto"
)

// write makes a file in a directory, with the directories it is in.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// payloads reads a feed to its end.
func payloads(f feed) (all []string, err error) {
	for {
		p, err := f.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, string(p))
	}
}

// read opens a path and reads it to its end.
func read(t *testing.T, path string) []string {
	t.Helper()
	in, err := openInput(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := payloads(in)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(strings.Join(all, ""))); n != in.total {
		t.Errorf("%d bytes were announced, %d were read", in.total, n)
	}
	return all
}

func TestInputLines(t *testing.T) {
	limit := strings.Repeat("x", crypto.MaxPayload)
	megabyte := strings.Repeat("long line ", 1<<20/10)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"lines", "a\nb\n", []string{"a\n", "b\n"}},
		{"no newline at the end", "a\nb", []string{"a\n", "b"}},
		{"empty lines", "\n\na\n\n", []string{"\n", "\n", "a\n", "\n"}},
		{"CRLF", "a\r\nb\r\n\r\n", []string{"a\r\n", "b\r\n", "\r\n"}},
		{"not UTF-8", "\xff\xfe\x00\n\x80", []string{"\xff\xfe\x00\n", "\x80"}},
		{"the longest line", limit[1:] + "\n", []string{limit[1:] + "\n"}},
		{"one byte too long", limit + "\n", []string{limit, "\n"}},
		{"a megabyte", megabyte + "\nend", slices.Concat(pieces(megabyte+"\n"), []string{"end"})},
	} {
		if got := read(t, write(t, t.TempDir(), "f", c.text)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %d events %.80q", c.name, len(got), got)
		}
	}
}

// pieces cuts a line as an input does.
func pieces(line string) (all []string) {
	for p := range slices.Chunk([]byte(line), crypto.MaxPayload) {
		all = append(all, string(p))
	}
	return all
}

func TestInputSmallReads(t *testing.T) {
	text := "one\ntwo\r\n\n" + strings.Repeat("y", 3000) + "\nlast"
	path := write(t, t.TempDir(), "f", text)
	in, err := openInput(path)
	if err != nil {
		t.Fatal(err)
	}
	in.open = func(string) (io.ReadCloser, error) {
		return io.NopCloser(iotest.OneByteReader(strings.NewReader(text))), nil
	}
	got, err := payloads(in)
	if err != nil || !slices.Equal(got, strings.SplitAfter(text, "\n")) {
		t.Errorf("got %d events, %v", len(got), err)
	}
}

// TestInputDirectory: files come in the byte order of their paths, which a walk does not give, and what is
// no file is left out.
func TestInputDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/z", "3 ")
	write(t, dir, "a.txt", "2\n")
	write(t, dir, "a-b", "1 no newline ")
	write(t, dir, "empty", "")
	outside := write(t, t.TempDir(), "outside", "not to be read\n")
	for name, to := range map[string]string{"b": outside, "c": filepath.Join(dir, "a"), "d": filepath.Join(dir, "nowhere")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"1 no newline ", "2\n", "3 "}
	for _, path := range []string{dir, dir + "/", link(t, dir)} {
		if got := read(t, path); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// link returns a link to a path.
func link(t *testing.T, to string) string {
	path := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInputRefused(t *testing.T) {
	for what, path := range map[string]string{
		"no such file":       filepath.Join(t.TempDir(), "nothing"),
		"an empty file":      write(t, t.TempDir(), "f", ""),
		"an empty directory": t.TempDir(),
		"a device":           os.DevNull,
	} {
		if _, err := openInput(path); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

// TestInputUnreadable: a file that cannot be opened, or read to its end, ends the feed with an error that
// names it, and what was read before is handed out.
func TestInputUnreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "fine\n")
	path := write(t, dir, "b", "never seen\n")
	broken := errors.New("the disk is on fire")
	for what, c := range map[string]struct {
		open func(string) (io.ReadCloser, error)
		want error
	}{
		"open": {func(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }, fs.ErrPermission},
		"read": {func(string) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("begun"), iotest.ErrReader(broken))), nil
		}, broken},
	} {
		in, err := openInput(dir)
		if err != nil {
			t.Fatal(err)
		}
		in.open = func(p string) (io.ReadCloser, error) {
			if p == path {
				return c.open(p)
			}
			return os.Open(p)
		}
		got, err := payloads(in)
		if !errors.Is(err, c.want) || !slices.Equal(got, []string{"fine\n"}) {
			t.Errorf("%s: got %q and %v, want %v", what, got, err, c.want)
		}
	}
}

// TestInputKeepsPayloads: a payload is still what it was when everything has been read.
func TestInputKeepsPayloads(t *testing.T) {
	var text bytes.Buffer
	for i := range 200_000 {
		text.WriteString(strings.Repeat(string(rune('a'+i%26)), i%40))
		text.WriteByte('\n')
	}
	in, err := openInput(write(t, t.TempDir(), "f", text.String()))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for {
		p, err := in.next()
		if err != nil {
			break
		}
		all = append(all, p)
	}
	if got := bytes.Join(all, nil); !bytes.Equal(got, text.Bytes()) {
		t.Errorf("%d events of %d bytes are not the text of %d bytes", len(all), len(got), text.Len())
	}
}
