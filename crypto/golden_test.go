package crypto

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/internal/golden"
)

// A part of an encoding: how many bytes, and what they are.
type part struct {
	size int
	name string
}

var (
	linkParts = []part{{8, "origin"}, {8, "sequence"}, {32, "parent"}}
	headParts = []part{{8, "origin"}, {8, "sequence"}, {32, "digest"}, {32, "outputs"}}

	eventParts = join(linkParts, []part{
		{1, "kind"}, {32, "producer"}, {8, "producer sequence"}, {1, "payload length"}, {5, "payload"},
	})
	genesisParts = []part{
		{32, "entity"}, {32, "administrator"}, {1, "kind length"}, {7, "kind"}, {64, "signature"},
	}
	handoverParts = join(
		[]part{{1, "form"}, {32, "from"}, {32, "to"}, {8, "epoch"}},
		headParts,
		[]part{
			{32, "next key"}, {8, "snapshot sequence"}, {32, "previous"},
			{8, "time, Unix nanoseconds"}, {64, "signature"},
		})
	// A decided handover is the certificate and the acceptance.
	freezeCertParts = join(handoverParts[:len(handoverParts)-1], []part{
		{8, "attempt: epoch"}, {8, "attempt: boot"}, {8, "attempt: count"}, {64, "signature"},
	})
	decidedParts  = join(freezeCertParts, []part{{64, "acceptance"}})
	passportParts = join(
		[]part{{8, "magic"}, {1, "version"}}, genesisParts, []part{{4, "count"}},
		handoverParts, handoverParts)
	signedHeadParts = join(headParts, []part{{8, "epoch"}, {64, "signature"}})
)

// join concatenates lists of parts.
func join(lists ...[]part) (all []part) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// annotate writes an encoding as lines of hex with the name of each part.
func annotate(t *testing.T, b []byte, parts []part) string {
	t.Helper()
	var text strings.Builder
	for _, p := range parts {
		if p.size > len(b) {
			t.Fatalf("the encoding ends within %q", p.name)
		}
		fmt.Fprintf(&text, "%x # %s\n", b[:p.size], p.name)
		b = b[p.size:]
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes without a name", len(b))
	}
	return text.String()
}

// fromAnnotated reads the bytes back.
func fromAnnotated(t *testing.T, text string) (b []byte) {
	t.Helper()
	for line := range strings.Lines(text) {
		digits, _, _ := strings.Cut(line, "#")
		part, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, part...)
	}
	return b
}

// TestGolden compares every encoding with the recorded one, byte by byte, and
// decodes the recorded one back to the same value. A difference is a change of
// the protocol. Run with -update to record, and review the diff.
func TestGolden(t *testing.T) {
	c := draw(t, "g-a-hello*->B-b-!C")
	head, err := SignHead(c.key, c.head(), c.passport.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	reencode := func(decode func(cur *codec.Cursor) []byte) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) {
			cur := codec.NewCursor(b)
			again := decode(&cur)
			return again, cur.Finish()
		}
	}
	decided := draw(t, "g-a-=B").passport.Handovers[0]
	handover := reencode(func(cur *codec.Cursor) []byte { return AppendHandover(nil, decodeHandover(cur)) })
	for _, test := range []struct {
		name  string
		bytes []byte
		parts []part
		again func([]byte) ([]byte, error)
	}{
		{"event", AppendEvent(nil, c.events[1]), eventParts,
			reencode(func(cur *codec.Cursor) []byte { return AppendEvent(nil, DecodeEvent(cur)) })},
		{"genesis", AppendGenesis(nil, c.passport.Genesis), genesisParts,
			reencode(func(cur *codec.Cursor) []byte { return AppendGenesis(nil, DecodeGenesis(cur)) })},
		{"head", AppendHead(nil, c.heads[2]), headParts,
			reencode(func(cur *codec.Cursor) []byte { return AppendHead(nil, DecodeHead(cur)) })},
		{"handover", AppendHandover(nil, c.passport.Handovers[0]), handoverParts, handover},
		{"forced", AppendHandover(nil, c.passport.Handovers[1]), handoverParts, handover},
		{"decided", AppendHandover(nil, decided), decidedParts, handover},
		{"freezecert", AppendFreezeCert(nil, decided.FreezeCert()), freezeCertParts,
			reencode(func(cur *codec.Cursor) []byte { return AppendFreezeCert(nil, DecodeFreezeCert(cur)) })},
		{"passport", AppendPassport(nil, c.passport), passportParts,
			func(b []byte) ([]byte, error) {
				p, err := ParsePassport(b)
				return AppendPassport(nil, p), err
			}},
		{"signedhead", AppendSignedHead(nil, head), signedHeadParts,
			reencode(func(cur *codec.Cursor) []byte { return AppendSignedHead(nil, DecodeSignedHead(cur)) })},
	} {
		path := filepath.Join("testdata", test.name+".golden")
		golden.Check(t, path, annotate(t, test.bytes, test.parts))
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		recorded := fromAnnotated(t, string(want))
		if again, err := test.again(recorded); err != nil || !bytes.Equal(again, recorded) {
			t.Errorf("%s: the recorded bytes do not survive decoding: %v", test.name, err)
		}
	}
}

// TestGolden_Digests pins what the encodings hash to: tags included.
func TestGolden_Digests(t *testing.T) {
	c := draw(t, "g-a-hello*->B-b-!C")
	lines := []string{
		"genesis  " + c.passport.Genesis.Digest().String(),
		"event    " + c.events[1].Digest().String(),
		"outputs  " + c.heads[2].Outputs.String(),
		"handover " + c.passport.Handovers[0].Digest().String(),
		"forced   " + c.passport.Handovers[1].Digest().String(),
		"decided  " + draw(t, "g-a-=B").passport.Previous().String(),
		"entry    " + c.events[2].Digest().String(),
		"producer " + DeriveProducer(nodeOf("A"), "label").String(),
		"origin   " + fmt.Sprintf("%016x", c.head().Origin),
	}
	golden.Check(t, filepath.Join("testdata", "digests.golden"), strings.Join(lines, "\n")+"\n")
}
