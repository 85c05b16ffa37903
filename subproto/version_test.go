package subproto

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// ranges is a Hello's versions: three numbers each.
func ranges(n ...uint16) (list []wire.VersionRange) {
	for ; len(n) > 0; n = n[3:] {
		list = append(list, wire.VersionRange{Subprotocol: wire.Subprotocol(n[0]), Min: n[1], Max: n[2]})
	}
	return list
}

func TestD7_HighestCommonVersion(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs []wire.VersionRange
		agreed       Agreed
		errs         int
	}{
		{"the same", ranges(1, 1, 1, 2, 1, 1), ranges(1, 1, 1, 2, 1, 1), Agreed{1: 1, 2: 1}, 0},
		{"the highest of both", ranges(2, 1, 5), ranges(2, 3, 9), Agreed{2: 5}, 0},
		{"one version in common", ranges(2, 1, 3), ranges(2, 3, 4), Agreed{2: 3}, 0},
		{"none, on that one alone", ranges(1, 1, 1, 2, 1, 2, 3, 1, 1), ranges(1, 1, 1, 2, 3, 4, 3, 1, 2), Agreed{1: 1, 3: 1}, 1},
		{"older and newer", ranges(2, 3, 4), ranges(2, 1, 2), Agreed{}, 1},
		{"one we do not know", ranges(1, 1, 1), ranges(1, 1, 1, 99, 1, 1), Agreed{1: 1}, 0},
		{"one they do not know", ranges(1, 1, 1, 2, 1, 1), ranges(1, 1, 1), Agreed{1: 1}, 0},
		{"nothing", ranges(1, 1, 1), nil, Agreed{}, 0},
	} {
		agreed, errs := Negotiate(c.ours, c.theirs)
		if len(agreed) != len(c.agreed) || len(errs) != c.errs {
			t.Errorf("%s: %v, %v", c.name, agreed, errs)
		}
		for s, v := range c.agreed {
			if agreed[s] != v {
				t.Errorf("%s: version %d of %v, want %d", c.name, agreed[s], s, v)
			}
		}
		for _, err := range errs {
			if !errors.Is(err, wire.ErrVersion) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// Both ends come to the same result.
func TestD7_Symmetric(t *testing.T) {
	for bits := range 1 << 8 {
		v := func(shift int) uint16 { return uint16(bits>>shift&3) + 1 }
		a := ranges(2, min(v(0), v(2)), max(v(0), v(2)))
		b := ranges(2, min(v(4), v(6)), max(v(4), v(6)))
		ab, errs := Negotiate(a, b)
		ba, others := Negotiate(b, a)
		if ab[2] != ba[2] || len(errs) != len(others) || (len(errs) == 0) != (ab[2] != 0) {
			t.Errorf("%v and %v: %v and %v", a, b, ab, ba)
		}
	}
}

// A subprotocol without a version cannot be used; the others can.
func TestD7_Check(t *testing.T) {
	agreed, _ := Negotiate(Supported(false), ranges(1, 1, 1, 2, 7, 9, 3, 1, 1))
	for s, fits := range map[wire.Subprotocol]bool{wire.SubSession: true, wire.SubMigration: false, wire.SubSubmission: true} {
		if err := agreed.Check(s); (err == nil) != fits || err != nil && !errors.Is(err, wire.ErrVersion) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

// What is announced is in the order that the wire demands, and covers every subprotocol.
func TestD7_Supported(t *testing.T) {
	for directory, want := range map[bool]wire.Subprotocol{false: wire.SubSubmission, true: wire.SubDirectory} {
		last := wire.Subprotocol(0)
		for _, r := range Supported(directory) {
			if r.Subprotocol <= last || r.Min > r.Max || !r.Subprotocol.Known() {
				t.Errorf("%+v follows %v", r, last)
			}
			last = r.Subprotocol
		}
		if last != want {
			t.Errorf("the last one is %v, want %v", last, want)
		}
		hello := &wire.Hello{Versions: Supported(directory)}
		h, body, _, err := wire.SplitFrame(wire.AppendFrame(nil, hello))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.Decode(h, body); err != nil {
			t.Error(err)
		}
	}
}
