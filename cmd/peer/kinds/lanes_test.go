package kinds

import "testing"

// The digest of a set does not depend on the order, and what is removed leaves no trace.
func TestLanesAreASet(t *testing.T) {
	entries := []struct {
		key string
		e   entry
	}{{"a", entry{"1", 1}}, {"b", entry{"2", 2}}, {"c", entry{"", 3}}}
	var forward, backward lanes
	for i := range entries {
		forward.add(hashEntry(entries[i].key, entries[i].e))
		last := entries[len(entries)-1-i]
		backward.add(hashEntry(last.key, last.e))
	}
	if forward != backward {
		t.Error("the order shows")
	}
	for _, x := range entries {
		forward.remove(hashEntry(x.key, x.e))
	}
	if forward != (lanes{}) {
		t.Error("a removed entry left a trace")
	}
}

// No part of an entry can pass for another.
func TestLanesTellEntriesApart(t *testing.T) {
	seen := map[lanes]string{}
	for _, x := range []struct {
		key string
		e   entry
	}{{"ab", entry{"c", 1}}, {"a", entry{"bc", 1}}, {"abc", entry{"", 1}}, {"ab", entry{"c", 2}}, {"ab", entry{"d", 1}}} {
		l := hashEntry(x.key, x.e)
		if other, ok := seen[l]; ok {
			t.Errorf("%q %v and %s have one digest", x.key, x.e, other)
		}
		seen[l] = x.key
	}
}

// A long value is hashed as a short one is.
func TestLanesLongValue(t *testing.T) {
	long := string(make([]byte, MaxValue))
	if hashEntry("k", entry{long, 1}) == hashEntry("k", entry{long[1:], 1}) {
		t.Error("the length does not show")
	}
}

func TestLanesBytes(t *testing.T) {
	b := lanes{1, 0, 0, 2 << 56}.bytes()
	if b[7] != 1 || b[24] != 2 {
		t.Errorf("%x", b)
	}
}
