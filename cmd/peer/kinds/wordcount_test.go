package kinds

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// triple is what wc prints.
type triple struct{ lines, words, bytes uint64 }

// naive counts by the rules, byte by byte.
func naive(text []byte) (n triple) {
	in := false
	for _, b := range text {
		n.bytes++
		if b == '\n' {
			n.lines++
		}
		if b == ' ' || '\t' <= b && b <= '\r' {
			in = false
		} else if 0x21 <= b && b <= 0x7e && !in {
			n.words++
			in = true
		}
	}
	return n
}

// systemWC returns what the system's wc says in the C locale; false if there is none, or it has
// other rules for bytes that are neither printable nor space, as not every wc follows POSIX
// there in the same way.
func systemWC(t *testing.T) (count func(text []byte) triple, ok bool) {
	path, err := exec.LookPath("wc")
	if err != nil {
		return nil, false
	}
	count = func(text []byte) (n triple) {
		cmd := exec.Command(path, "-l", "-w", "-c")
		cmd.Env = []string{"LC_ALL=C"}
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for i, field := range strings.Fields(string(out)) {
			*[]*uint64{&n.lines, &n.words, &n.bytes}[i], _ = strconv.ParseUint(field, 10, 64)
		}
		return n
	}
	return count, count([]byte("a\x00b \x80\xff \x01 c\xc3\n")) == triple{1, 2, 12}
}

// counted feeds text to a counter in pieces of random size and returns its counts.
func counted(t *testing.T, rng *rand.Rand, text []byte) (triple, *WordCount) {
	t.Helper()
	w := NewWordCount()
	f := feed(t, w)
	for rest := text; len(rest) > 0; {
		n := 1 + rng.IntN(min(len(rest), 1<<rng.IntN(17)))
		f.send(string(rest[:n]))
		rest = rest[n:]
	}
	if err := w.Check(); err != nil {
		t.Error(err)
	}
	return triple{w.lines, w.words, w.bytes}, w
}

// texts yields all kinds of bytes that have ever confused a counter.
func texts(rng *rand.Rand) [][]byte {
	random := make([]byte, 20_000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	few := make([]byte, 5_000)
	for i := range few {
		few[i] = "a b\n\r\t\x00\x80\xffz~\x7f!\x0b\x0c\x1f"[rng.IntN(16)]
	}
	long := bytes.Repeat([]byte("x"), 1<<20)
	words := bytes.Repeat([]byte("one two  three\r\n"), 1<<16)
	other := bytes.Repeat([]byte{0x80, 0}, 1<<19)
	return [][]byte{
		nil, []byte("\n"), []byte("a"), []byte(" a "), []byte("a\n"), []byte("\r\n\r\n"), []byte("caf\xc3\xa9 \xc3\xa9t\xc3\xa9\n"),
		random, few, long, append(long, " y\n"...), words, other, append(other, 'a'), append([]byte{'a'}, other...),
	}
}

// The counts are those of the naive reference and of the system's wc, however the text is cut.
func TestCountsAsWC(t *testing.T) {
	rng := seeded(t)
	wc, real := systemWC(t)
	t.Logf("compared with the system's wc: %v", real)
	for i, text := range texts(rng) {
		want := naive(text)
		if got, _ := counted(t, rng, text); got != want {
			t.Errorf("text %d: %v, want %v", i, got, want)
		}
		if real && wc(text) != want {
			t.Errorf("text %d: wc says %v, the reference %v", i, wc(text), want)
		}
	}
}

// Every single byte, alone, inside of a word, and around one.
func TestEveryByte(t *testing.T) {
	rng := seeded(t)
	for b := range 256 {
		for _, text := range []string{"?", "a?b", "a?", "?a", " ? ", "a ?b? c", "??"} {
			raw := bytes.ReplaceAll([]byte(text), []byte("?"), []byte{byte(b)})
			if got, _ := counted(t, rng, raw); got != naive(raw) {
				t.Errorf("%q: %v, want %v", raw, got, naive(raw))
			}
		}
	}
}

// However the text is cut, the whole state is the same, the frequent words included.
func TestCutsDoNotShow(t *testing.T) {
	rng := seeded(t)
	for i, text := range texts(rng) {
		_, a := counted(t, rng, text)
		b := NewWordCount()
		b.count(text)
		a.audit = Audit{}
		if !bytes.Equal(stateOf(t, a), stateOf(t, b)) {
			t.Errorf("text %d: the cuts show", i)
		}
	}
}

// The frequent words are counted whole across cuts, and by their first 64 bytes.
func TestWordsAcrossCuts(t *testing.T) {
	w := NewWordCount()
	f := feed(t, w)
	long := strings.Repeat("l", 100)
	for _, piece := range []string{"he", "llo wor", "ld hello\n", long[:50], long[50:] + " ", long + "x ", "\x80", "\x81 ", "\x80", "a", "\x80 open"} {
		f.send(piece)
	}
	got := map[string]uint64{}
	for _, f := range w.top.most(10) {
		got[f.Word] = f.Count
	}
	if len(got) != 4 || got["hello"] != 2 || got["world"] != 1 || got[long[:MaxWord]] != 2 || got["\x80a\x80"] != 1 {
		t.Errorf("%v", got)
	}
	if w.words != 7 {
		t.Errorf("%d words", w.words)
	}
	f.send("\n")
	if got := w.top.most(10); len(got) != 5 || got[1].Word != "open" && got[2].Word != "open" {
		t.Errorf("%v", got)
	}
}

// The open word travels in the state: counting goes on in the middle of it.
func TestOpenWordTravels(t *testing.T) {
	for _, text := range []string{"abc", "\x80", "\x80\x81a", strings.Repeat("\x80", 70), strings.Repeat("\x80", 70) + "a", strings.Repeat("a", 200), " ", ""} {
		for _, rest := range []string{"d e", " x", "\x80 y", ""} {
			a, b := NewWordCount(), NewWordCount()
			a.count([]byte(text))
			if err := b.Restore(bytes.NewReader(stateOf(t, a))); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			a.count([]byte(rest))
			b.count([]byte(rest))
			if !bytes.Equal(stateOf(t, a), stateOf(t, b)) {
				t.Errorf("%q then %q: different states", text, rest)
			}
		}
	}
}

func TestWordCountCheck(t *testing.T) {
	for what, w := range map[string]*WordCount{
		"words without bytes": {words: 1, open: openWord{begun: true, size: 1}},
		"lines without bytes": {lines: 1},
		"a lost word":         {words: 1, bytes: 2},
		"begun without words": {bytes: 1, open: openWord{begun: true, size: 1}},
		"an open word":        {open: openWord{size: 1}},
	} {
		mustFail(t, w.Check(), ErrInvariant, what)
	}
}
