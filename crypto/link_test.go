package crypto

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestC1_ThreeDistinctErrors: another origin, a gap, another parent. Each
// matches its own sentinel and no other, except that another parent is a
// divergence.
func TestC1_ThreeDistinctErrors(t *testing.T) {
	c := draw(t, "g-a-b-c")
	good, _ := c.head().Next()
	if err := c.head().CheckLink(good); err != nil {
		t.Fatalf("the next link: %v", err)
	}
	all := []error{ErrOrigin, ErrGap, ErrParent, ErrDiverged}
	for _, test := range []struct {
		name   string
		change func(l *CausalLink)
		want   []error
	}{
		{"origin", func(l *CausalLink) { l.Origin++ }, []error{ErrOrigin}},
		{"one ahead", func(l *CausalLink) { l.Sequence++ }, []error{ErrGap}},
		{"the head again", func(l *CausalLink) { l.Sequence-- }, []error{ErrGap}},
		{"far behind", func(l *CausalLink) { l.Sequence = 0 }, []error{ErrGap}},
		{"far ahead", func(l *CausalLink) { l.Sequence = math.MaxUint64 }, []error{ErrGap}},
		{"parent", func(l *CausalLink) { l.Parent[7] ^= 1 }, []error{ErrParent, ErrDiverged}},
		{"all of it", func(l *CausalLink) { *l = CausalLink{} }, []error{ErrOrigin}},
		{"gap and parent", func(l *CausalLink) { l.Sequence++; l.Parent = Digest{} }, []error{ErrGap}},
	} {
		link := good
		test.change(&link)
		err := c.head().CheckLink(link)
		for _, sentinel := range all {
			wanted := false
			for _, w := range test.want {
				wanted = wanted || w == sentinel
			}
			if errors.Is(err, sentinel) != wanted {
				t.Errorf("%s: matches %q: %v, want %v", test.name, sentinel, !wanted, wanted)
			}
		}
		var le *LinkError
		if !errors.As(err, &le) || le.Want != good || le.Got != link {
			t.Errorf("%s: the error does not carry both links: %v", test.name, err)
		}
	}
}

// TestC1_ErrorTexts: a person sees which field it is, with both values.
func TestC1_ErrorTexts(t *testing.T) {
	h := Head{Origin: 0xabc, Sequence: 5}
	for want, link := range map[string]CausalLink{
		"got 0000000000000abd": {Origin: 0xabd},
		"got 9, want 6":        {Origin: 0xabc, Sequence: 9},
		"at 6 got 01000000":    {Origin: 0xabc, Sequence: 6, Parent: Digest{1}},
	} {
		if err := h.CheckLink(link); !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
}

// TestLink_EndOfLog: the sequence never wraps to 0. T16 rests on this.
func TestLink_EndOfLog(t *testing.T) {
	last := Head{Origin: 1, Sequence: math.MaxUint64 - 1, Digest: Digest{1}}
	link, ok := last.Next()
	if !ok || link.Sequence != math.MaxUint64 || last.CheckLink(link) != nil {
		t.Fatal("2^64-1 is the last sequence there is")
	}
	end := last.Append(CausalEvent{Link: link, Kind: EventInput}, nil)
	if _, ok := end.Next(); ok {
		t.Error("there is an entry after the last")
	}
	for _, sequence := range []uint64{0, 1, math.MaxUint64} {
		next := CausalLink{Origin: 1, Sequence: sequence, Parent: end.Digest}
		if err := end.CheckLink(next); !errors.Is(err, ErrGap) {
			t.Errorf("sequence %d after the end: got %v, want ErrGap", sequence, err)
		}
	}
}

// TestChain_EveryLinkChecks: in a drawn chain each event follows its head and
// no other one.
func TestChain_EveryLinkChecks(t *testing.T) {
	c := draw(t, "g-a-b*->B-c-d->C->D-e-!E-f")
	for i, ev := range c.events {
		for j, head := range c.heads {
			if err := head.CheckLink(ev.Link); (err == nil) != (i == j) {
				t.Errorf("event %d at head %d: %v", i+1, j, err)
			}
		}
	}
}
