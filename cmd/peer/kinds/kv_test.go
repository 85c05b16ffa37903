package kinds

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestKVCommands(t *testing.T) {
	s := NewKV()
	f := feed(t, s)
	f.want("get a", "absent")
	f.want("put a 1 2  3 ", "ok 2")
	f.want("get a", "value 2 1 2  3 ")
	f.want("put a ", "ok 4")
	f.want("get a", "value 4 ")
	f.want("delete a", "ok")
	f.want("delete a", "absent")
	f.want("incr n", "ok 8 1")
	f.want("incr n 41", "ok 9 42")
	f.want("incr n -50", "ok 10 -8")
	f.want("cas n 9 x", "refused: version 10, not 9")
	f.want("cas n 10 x y", "ok 12")
	f.want("incr n", "refused: value 12 is not a number")
	f.want("cas new 1 v", "refused: version 0, not 1")
	f.want("cas new 0 v", "ok 15")
	f.want("put max 9223372036854775807", "ok 16")
	f.want("incr max", "refused: 9223372036854775807 plus 1 is out of range")
	f.want("put min -9223372036854775808", "ok 18")
	f.want("incr min -1", "refused: -9223372036854775808 plus -1 is out of range")
	f.want("incr min 9223372036854775807", "ok 20 -1")
	f.want("put z \x00\xff\n", "ok 21")
	f.want("get z", "value 21 \x00\xff\n")
	f.want("put zero 007", "ok 23")
	f.want("incr zero", "refused: value 23 is not a number")
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestKVMalformed(t *testing.T) {
	f := feed(t, NewKV())
	for _, payload := range []string{
		"put a", "put  b", "put \x01 b", "put a\tb c", "put \x7f b", "get", "get ", "get a ", "get a b", "delete", "delete a b",
		"incr", "incr a ", "incr a x", "incr a 01", "incr a +1", "incr a -0", "incr a 9223372036854775808", "cas a", "cas a 1",
		"cas a x v", "cas a 01 v", "cas a -1 v", "PUT a b", "put " + strings.Repeat("k", MaxKey+1) + " v",
		"put a " + strings.Repeat("v", MaxValue+1), "cas a 0 " + strings.Repeat("v", MaxValue+1),
	} {
		_, err := f.try([]byte(payload))
		mustFail(t, err, ErrPayload, payload[:min(30, len(payload))])
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
	f.want("put "+strings.Repeat("k", MaxKey)+" "+strings.Repeat("v", MaxValue), "ok 1")
}

// mapKV is the naive twin.
type mapKV map[string]entry

func (m mapKV) put(key, value string, seq uint64) string {
	m[key] = entry{value, seq}
	return fmt.Sprintf("ok %d", seq)
}

func (m mapKV) get(key string) string {
	if e, ok := m[key]; ok {
		return fmt.Sprintf("value %d %s", e.version, e.value)
	}
	return "absent"
}

func (m mapKV) remove(key string) string {
	if _, ok := m[key]; !ok {
		return "absent"
	}
	delete(m, key)
	return "ok"
}

func (m mapKV) incr(key string, by int, seq uint64) string {
	old, had := m[key]
	n, err := strconv.Atoi(old.value)
	if had && err != nil {
		return fmt.Sprintf("refused: value %d is not a number", old.version)
	}
	m[key] = entry{strconv.Itoa(n + by), seq}
	return fmt.Sprintf("ok %d %d", seq, n+by)
}

func (m mapKV) cas(key string, version uint64, value string, seq uint64) string {
	if old := m[key]; old.version != version {
		return fmt.Sprintf("refused: version %d, not %d", old.version, version)
	}
	return m.put(key, value, seq)
}

// step makes a random command and the twin's answer to it.
func (m mapKV) step(rng *rand.Rand, seq uint64) (payload, want string) {
	key := "k" + strconv.Itoa(rng.IntN(300))
	switch n := rng.IntN(10); {
	case n < 4:
		value := strings.Repeat("v", rng.IntN(20)) + strconv.Itoa(rng.IntN(1000))
		return "put " + key + " " + value, m.put(key, value, seq)
	case n < 6:
		return "delete " + key, m.remove(key)
	case n < 8:
		by := rng.IntN(100) - 50
		return fmt.Sprintf("incr %s %d", key, by), m.incr(key, by, seq)
	case n < 9:
		version := m[key].version + uint64(rng.IntN(2))
		return fmt.Sprintf("cas %s %d x", key, version), m.cas(key, version, "x", seq)
	}
	return "get " + key, m.get(key)
}

// Random commands against the twin, with views of earlier moments kept open: each of them
// restores to the twin of its moment.
func TestKVModel(t *testing.T) {
	rng := seeded(t)
	type moment struct {
		v    interface{ Len() int64 }
		twin mapKV
	}
	for range 6 {
		s, m := NewKV(), mapKV{}
		f := feed(t, s)
		var moments []moment
		for range 3000 {
			payload, want := m.step(rng, f.log+1)
			f.want(payload, want)
			if rng.IntN(400) == 0 {
				moments = append(moments, moment{shot(t, s).(*kvView), maps.Clone(m)})
			}
		}
		moments = append(moments, moment{shot(t, s).(*kvView), m})
		for _, at := range moments {
			back := NewKV()
			if err := back.Restore(bytes.NewReader(written(t, at.v.(*kvView)))); err != nil {
				t.Fatal(err)
			}
			back.mustEqual(t, at.twin)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if v := f.verdict(&s.audit); !v.Clean() {
			t.Fatalf("%+v", v)
		}
	}
}

func (s *KV) mustEqual(t *testing.T, m mapKV) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(m))
	s.tree.Scan(func(key string, e entry) bool {
		if len(keys) == 0 || keys[0] != key || m[key] != e {
			t.Errorf("%q holds %v, the twin %v", key, e, m[key])
			return false
		}
		keys = keys[1:]
		return true
	})
	if len(keys) > 0 {
		t.Errorf("%d keys are missing", len(keys))
	}
}

// Equal contents give equal bytes and digests, whatever way led there.
func TestKVCanonical(t *testing.T) {
	rng := seeded(t)
	a, b := NewKV(), NewKV()
	order := rng.Perm(500)
	for i, n := range order {
		key := strconv.Itoa(n)
		a.set(key, entry{"v", uint64(n + 1)})
		b.set(strconv.Itoa(i), entry{"w", 7})
		b.set("gone"+key, entry{"x", 8})
	}
	for n := range order {
		b.set(strconv.Itoa(n), entry{"v", uint64(n + 1)})
		feed(t, b).send("delete gone" + strconv.Itoa(n))
	}
	b.audit = Audit{}
	if a.content != b.content || !bytes.Equal(stateOf(t, a), stateOf(t, b)) {
		t.Error("equal contents, different states")
	}
}

// The bound on the content is kept, and a refusal changes nothing.
func TestKVFull(t *testing.T) {
	s := NewKV()
	f := feed(t, s)
	f.send("put a 1")
	s.size = MaxKVBytes - 20 // as if there were that much
	for _, payload := range []string{"put b 123456789", "incr long-counter-name", "cas c 0 123456789"} {
		if out := f.send(payload); !strings.HasPrefix(out, "refused: full") {
			t.Errorf("%q gave %q", payload, out)
		}
	}
	f.want("put a 2", "ok 5")
	f.want("put b 12345", "ok 6")
	if s.size != MaxKVBytes {
		t.Errorf("size %d", s.size)
	}
}

// States with a right checksum that no store could have written.
func TestKVHostileEntries(t *testing.T) {
	build := func(change func(s *sealWriter, entries func(...string))) []byte {
		var b bytes.Buffer
		s := newSealWriter(&b, kvMagic, []byte{0, 0})
		whole := NewKV()
		change(s, func(keys ...string) {
			for _, key := range keys {
				e := entry{"v", 1}
				whole.load(key, e)
				s.write(append(appendEntryHead(nil, key, e), key+e.value...))
			}
			s.write(endMark[:])
			s.write(appendTail(whole))
		})
		s.finish()
		return b.Bytes()
	}
	plain := build(func(_ *sealWriter, entries func(...string)) { entries("a", "b") })
	if err := NewKV().Restore(bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	for what, keys := range map[string][]string{"out of order": {"b", "a"}, "twice": {"a", "a"}, "with a space": {"a b"}} {
		state := build(func(_ *sealWriter, entries func(...string)) { entries(keys...) })
		mustFail(t, NewKV().Restore(bytes.NewReader(state)), ErrSnapshot, what)
	}
	noVersion := build(func(s *sealWriter, entries func(...string)) {
		s.write(append(appendEntryHead(nil, "0", entry{}), '0'))
		entries("a")
	})
	mustFail(t, NewKV().Restore(bytes.NewReader(noVersion)), ErrSnapshot, "version 0")
}

func appendTail(s *KV) []byte {
	digest := s.content.bytes()
	return append([]byte{0, 0, 0, 0, 0, 0, 0, byte(s.tree.Len())}, digest[:]...)
}

func TestKVCheck(t *testing.T) {
	s := NewKV()
	feed(t, s).send("put a 1")
	s.tree.Set("a", entry{"2", 1})
	mustFail(t, s.Check(), ErrInvariant, "a value from nowhere")
}
