package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/codec"
)

// longJourney returns a passport of more handovers than are read at a time.
func longJourney(t testing.TB, hops int) Passport { return mixedJourney(t, hops, 0) }

// mixedJourney returns one in which bit i%64 of decided says whether handover i
// is of the long form.
func mixedJourney(t testing.TB, hops int, decided uint64) Passport {
	t.Helper()
	c := draw(t, "g-a")
	for i := range hops {
		if decided>>(i%64)&1 == 1 {
			c.decide(t, "B", 1)
		} else {
			c.handOver(t, "B", false)
		}
	}
	return c.passport
}

// TestPassport_RoundTrip: bytes, stream and struct agree, around every multiple
// of the piece size.
func TestPassport_RoundTrip(t *testing.T) {
	for _, hops := range []int{0, 1, passportItems - 1, passportItems, passportItems + 1, 2*passportItems + 3} {
		for _, decided := range []uint64{0, math.MaxUint64, 1, 1 << 15, 0x5555_5555_5555, 0xf0f0_8421_c3a5} {
			checkRoundTrip(t, fmt.Sprintf("%d hops, decided %x", hops, decided), mixedJourney(t, hops, decided))
		}
	}
}

// checkRoundTrip writes and reads p in every way, with more behind it.
func checkRoundTrip(t *testing.T, name string, p Passport) {
	t.Helper()
	b := AppendPassport(nil, p)
	var w bytes.Buffer
	n, err := p.WriteTo(&w)
	if err != nil || int(n) != len(b) || !bytes.Equal(w.Bytes(), b) {
		t.Errorf("%s: WriteTo wrote %d bytes (%v), AppendPassport %d", name, n, err, len(b))
	}
	if p.EncodedLen() != len(b) {
		t.Errorf("%s: EncodedLen %d, want %d", name, p.EncodedLen(), len(b))
	}
	for how, r := range map[string]io.Reader{
		"whole": bytes.NewReader(b), "byte by byte": iotest.OneByteReader(bytes.NewReader(b)),
		"with the end": iotest.DataErrReader(bytes.NewReader(b)),
		"with more":    bytes.NewReader(append(bytes.Clone(b), "next"...)),
	} {
		got, err := ReadPassport(r)
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s, %s: %v", name, how, err)
		}
		if rest, _ := io.ReadAll(r); how == "with more" && string(rest) != "next" {
			t.Errorf("%s: %q is left, want %q", name, rest, "next")
		}
	}
}

// TestPassport_ReadsNoMore: what follows in the stream stays there.
func TestPassport_ReadsNoMore(t *testing.T) {
	for _, hops := range []int{0, 3, passportItems} {
		r := bytes.NewReader(append(AppendPassport(nil, longJourney(t, hops)), "next"...))
		if _, err := ReadPassport(r); err != nil {
			t.Fatal(err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "next" {
			t.Errorf("%d hops: %q is left, want %q", hops, rest, "next")
		}
	}
}

// TestD2_PassportTruncatedAnywhere, from memory and from a stream.
func TestD2_PassportTruncatedAnywhere(t *testing.T) {
	b := AppendPassport(nil, draw(t, "g-a->B-=C-=D->B").passport)
	for n := range len(b) {
		for _, err := range []error{
			second(ParsePassport(b[:n])), second(ReadPassport(iotest.HalfReader(bytes.NewReader(b[:n])))),
		} {
			if !errors.Is(err, ErrBadPassport) || !errors.Is(err, codec.ErrTruncated) {
				t.Fatalf("%d of %d bytes: got %v, want ErrTruncated", n, len(b), err)
			}
		}
	}
	if _, err := ParsePassport(append(b, 0)); !errors.Is(err, codec.ErrTrailing) || !errors.Is(err, ErrBadPassport) {
		t.Errorf("trailing byte: got %v, want ErrTrailing", err)
	}
}

// TestD2_PassportHeader: magic, version and the length of the kind.
func TestD2_PassportHeader(t *testing.T) {
	good := AppendPassport(nil, draw(t, "g").passport)
	for name, at := range map[string]int{"magic": 3, "version": len(passportMagic), "kind length": passportFixed - 1} {
		b := bytes.Clone(good)
		b[at] = 0x81
		if _, err := ParsePassport(b); !errors.Is(err, ErrBadPassport) {
			t.Errorf("%s: got %v, want ErrBadPassport", name, err)
		}
	}
}

// TestPassport_ReaderErrors: an error of the stream is not mistaken for a
// malformed passport.
func TestPassport_ReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	b := AppendPassport(nil, draw(t, "g-a->B").passport)
	for _, n := range []int{0, 10, passportFixed, len(b) - 1} {
		_, err := ReadPassport(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrBadPassport) {
			t.Errorf("after %d bytes: got %v, want the reader's own error", n, err)
		}
	}
}

// TestD2_PassportAllocation: a count that nothing backs does not make the
// reader allocate for it.
func TestD2_PassportAllocation(t *testing.T) {
	b := AppendPassport(nil, draw(t, "g").passport)
	b = codec.AppendUint32(b[:len(b)-4], MaxHandovers)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ParsePassport(b)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, codec.ErrTruncated) {
		t.Errorf("got %v, want ErrTruncated", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
		t.Errorf("%d bytes allocated for a passport of %d", got, len(b))
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, io.ErrClosedPipe
	}
	w.left -= len(p)
	return len(p), nil
}

// TestPassport_WriterErrors: WriteTo counts what was written and stops.
func TestPassport_WriterErrors(t *testing.T) {
	p := longJourney(t, 2*passportItems)
	for _, room := range []int{0, 100, 6000, p.EncodedLen() - 1} {
		n, err := p.WriteTo(&failingWriter{room})
		if !errors.Is(err, io.ErrClosedPipe) || int(n) != room {
			t.Errorf("room for %d: wrote %d, %v", room, n, err)
		}
	}
}
