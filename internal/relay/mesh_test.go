package relay

import (
	"testing"
	"time"
)

// meshOf places ends under the names a, b, … and closes the mesh at the end.
func meshOf(t *testing.T, ends ...end) *Mesh {
	t.Helper()
	m := NewMesh(1)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, e := range ends {
		if err := m.Place(string(rune('a'+i)), e.addr()); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *Mesh) mustAddr(t *testing.T, from, to string) string {
	t.Helper()
	addr, err := m.Addr(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func (m *Mesh) mustSet(t *testing.T, from, to string, r Rules) {
	t.Helper()
	if err := m.Set(from, to, r); err != nil {
		t.Fatal(err)
	}
}

// TestRulesOfAMeshHoldWhoeverDialed: a one-way partition swallows requests over one connection and answers
// over the other, also where the relay is opened after the rule was set.
func TestRulesOfAMeshHoldWhoeverDialed(t *testing.T) {
	a, b := newEnd(t), newEnd(t)
	m := meshOf(t, a, b)
	toB := m.mustAddr(t, "a", "b")
	m.mustSet(t, "a", "b", Rules{Cut: true})
	toA := m.mustAddr(t, "b", "a")
	a.send("request", toB)
	b.send("request", toA)
	asB := a.want("request")
	a.send("answer", asB)
	eventually(t, func() bool { return m.Stats("a", "b").Cut == 2 })
	b.silent()
	if got := m.Rules("a", "b"); !got.Cut || m.Rules("b", "a").Cut {
		t.Errorf("rules %+v", got)
	}
	if err := m.Heal(); err != nil {
		t.Fatal(err)
	}
	a.send("answer", asB)
	b.want("answer")
	a.send("request", toB)
	b.want("request")
	if s := m.Stats("a", "b"); s.Sent != 2 || s.Cut != 2 {
		t.Errorf("%+v", s)
	}
}

// TestEndsMayMove: a relay keeps its address when the end behind it changes its own.
func TestEndsMayMove(t *testing.T) {
	a, b, moved := newEnd(t), newEnd(t), newEnd(t)
	m := meshOf(t, a)
	addr := m.mustAddr(t, "a", "b")
	for _, e := range []end{b, moved} {
		if err := m.Place("b", e.addr()); err != nil {
			t.Fatal(err)
		}
		a.send("hello", m.mustAddr(t, "a", "b"))
		e.want("hello")
	}
	if again := m.mustAddr(t, "a", "b"); again != addr {
		t.Errorf("the address was %s and is %s", addr, again)
	}
}

func TestRebindOfAMesh(t *testing.T) {
	a, b := newEnd(t), newEnd(t)
	m := meshOf(t, a, b)
	a.send("one", m.mustAddr(t, "a", "b"))
	before := b.want("one")
	if n, none := m.Rebind("a", "b"), m.Rebind("b", "a"); n != 1 || none != 0 {
		t.Errorf("%d and %d senders", n, none)
	}
	a.send("two", m.mustAddr(t, "a", "b"))
	if after := b.want("two"); after == before {
		t.Errorf("still %s", after)
	}
}

// TestRelaysOfAMeshDecideApart: what one link loses says nothing about the next, and the seed decides.
func TestRelaysOfAMeshDecideApart(t *testing.T) {
	m, twin := NewMesh(1), NewMesh(1)
	if m.seedOf(link{"a", "b"}) != twin.seedOf(link{"a", "b"}) {
		t.Error("the same seed decides differently")
	}
	seen := make(map[uint64]bool)
	for _, m := range []*Mesh{m, NewMesh(2)} {
		for _, l := range []link{{"a", "b"}, {"b", "a"}, {"a", "c"}} {
			seen[m.seedOf(l)] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d seeds for 6 links", len(seen))
	}
	if err := m.Set("a", "b", Rules{Delay: -time.Second}); err == nil {
		t.Error("a negative delay is accepted")
	}
}
