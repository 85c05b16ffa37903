package daemon

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// check panics unless the invariants in the type's comment hold.
func (t *producers) check() {
	must := func(ok bool, what string) {
		if !ok {
			panic("producers: " + what)
		}
	}
	last, kept, listed, keeping := t.horizon, 0, 0, t.keeping == none
	prev := none
	for i := t.oldest; i != none; i = t.slots[i].next {
		s := &t.slots[i]
		must(s.prev == prev, "list")
		must(t.index[s.id] == i, "index")
		must(s.window.newest().sequence > last, "order")
		keeping = keeping || t.keeping == i
		must(keeping || s.outputs == nil, "outputs before keeping")
		kept += len(s.outputs.bytes())
		last, prev = s.window.newest().sequence, i
		listed++
	}
	must(t.newest == prev, "newest")
	must(listed == len(t.slots) && listed == len(t.index) && listed <= t.limit, "count")
	must(kept == t.kept && kept <= MaxKeptOutputs, "kept")
	must(t.horizon == 0 || listed == t.limit, "horizon of a table with room")
}

// model is the producer table as the protocol describes it, without any care
// for speed.
type model struct {
	limit   int
	horizon uint64
	order   []*modelProducer // by last sequence
}

type modelProducer struct {
	id      crypto.ProducerID
	entries []entry // the last ProducerWindow
	outputs [][]byte
}

func (p *modelProducer) last() entry { return p.entries[len(p.entries)-1] }

func (m *model) lookup(id crypto.ProducerID) *modelProducer {
	for _, p := range m.order {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (m *model) find(id crypto.ProducerID, since, number uint64) (entry, bool, error) {
	p := m.lookup(id)
	switch {
	case p == nil && since < m.horizon:
		return entry{}, false, wire.ErrProducerEvicted
	case p == nil || number > p.last().number:
		return entry{}, false, nil
	}
	for _, e := range p.entries {
		if e.number == number {
			return e, true, nil
		}
	}
	return entry{}, false, wire.ErrProducerWindow
}

func (m *model) record(ev Event, outputs [][]byte) {
	p := m.lookup(ev.Producer)
	if p == nil {
		if len(m.order) == m.limit {
			m.horizon = m.order[0].last().sequence
			m.order = m.order[1:]
		}
		p = &modelProducer{id: ev.Producer}
	}
	m.order = append(slices.DeleteFunc(slices.Clone(m.order), func(q *modelProducer) bool { return p == q }), p)
	p.entries = append(p.entries, entry{ev.ProducerSeq, ev.Link.Sequence, ev.Link.Parent})
	p.entries = p.entries[max(0, len(p.entries)-ProducerWindow):]
	p.outputs = slices.Clone(outputs)
	for i := 0; m.kept() > MaxKeptOutputs; i++ {
		m.order[i].outputs = nil
	}
}

func (m *model) kept() (n int) {
	for _, p := range m.order {
		if len(p.outputs) > 0 {
			n += codec.UvarintLen(uint64(len(p.outputs)))
		}
		for _, out := range p.outputs {
			n += codec.UvarintLen(uint64(len(out))) + len(out)
		}
	}
	return n
}

// tableBytes encodes a view.
func tableBytes(v tableView) []byte {
	var b bytes.Buffer
	w := newSink(&b)
	v.write(w)
	w.w.Flush()
	return b.Bytes()
}

// tableFrom decodes what tableBytes made, and sets the limit anew.
func tableFrom(t *testing.T, b []byte, limit int) *producers {
	t.Helper()
	r := newSource(bytes.NewReader(b))
	table := readProducers(r, 1<<63)
	if r.err != nil {
		t.Fatalf("table does not read back: %v", r.err)
	}
	if table == nil {
		return newProducers(limit)
	}
	table.limit = limit
	return table
}

// tableRun drives a table and the model with the same random operations.
type tableRun struct {
	t        *testing.T
	rng      *rand.Rand
	table    *producers
	model    *model
	sequence uint64
	views    []tableView
	shown    [][]byte // what the views encoded to when they were taken
	large    []byte   // outputs are pieces of it
}

func TestP2_ProducersAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, c := range []struct{ limit, ids, steps, output int }{
		{1, 3, 500, 10}, {2, 4, 2000, 10}, {10, 30, 5000, 40}, {100, 120, 5000, 10}, {100, 110, 2000, 256 << 10},
	} {
		r := &tableRun{
			t: t, rng: rand.New(rand.NewPCG(seed, uint64(c.limit))),
			table: newProducers(c.limit), model: &model{limit: c.limit}, large: make([]byte, c.output),
		}
		for range c.steps {
			r.step(c.ids)
			r.table.check()
		}
		r.finish()
		if c.ids > c.limit && r.table.horizon == 0 {
			t.Errorf("limit %d: nothing was ever evicted", c.limit)
		}
	}
}

// step submits one random number of one random producer, and now and then
// takes a view.
func (r *tableRun) step(ids int) {
	id := producer(r.rng.IntN(ids))
	last, _ := r.table.last(id)
	number := last + 1 + uint64(r.rng.IntN(3))
	if r.rng.IntN(3) == 0 {
		number = max(last, 100) - uint64(r.rng.IntN(100))
	}
	since := r.model.horizon + uint64(r.rng.IntN(3)) - 1
	got, err := r.table.find(&id, since, number)
	want, known, wantErr := r.model.find(id, since, number)
	if (got != nil) != known || known && *got != want || !errors.Is(err, wantErr) {
		r.t.Fatalf("find %s %d since %d: got %v %v, want %v %v %v", id.Short(), number, since, got, err, known, want, wantErr)
	}
	if known {
		r.compareOutputs(id, number)
	}
	if !known && err == nil {
		r.record(id, number)
	}
	if r.rng.IntN(100) == 0 {
		r.view()
	}
}

func (r *tableRun) record(id crypto.ProducerID, number uint64) {
	r.sequence += 1 + uint64(r.rng.IntN(2))
	link := crypto.CausalLink{Sequence: r.sequence, Parent: crypto.Digest{byte(r.sequence)}}
	ev := Event{Link: link, Producer: id, ProducerSeq: number}
	var outputs [][]byte
	for range r.rng.IntN(3) {
		outputs = append(outputs, r.large[:r.rng.IntN(len(r.large)/2+1)])
	}
	r.table.record(&ev, outputs)
	r.model.record(ev, outputs)
}

func (r *tableRun) compareOutputs(id crypto.ProducerID, number uint64) {
	var want [][]byte
	if p := r.model.lookup(id); p.last().number == number {
		want = p.outputs
	}
	got := r.table.outputs(id, number)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		r.t.Fatalf("outputs of %s %d: got %d, want %d pieces", id.Short(), number, len(got), len(want))
	}
}

// view keeps a view, and sometimes goes on with the table read back from it.
func (r *tableRun) view() {
	v := r.table.view()
	b := tableBytes(v)
	if len(b) != v.len() {
		r.t.Fatalf("view encodes to %d bytes, len says %d", len(b), v.len())
	}
	if r.large != nil && len(r.large) < 1000 {
		r.views, r.shown = append(r.views, v), append(r.shown, b)
	}
	// The limit is a constant of the format, so a full small table would be
	// refused; it is read back only while nothing was evicted.
	if r.table.horizon == 0 {
		r.table = tableFrom(r.t, b, r.table.limit)
	}
}

// finish checks that no view changed after it was taken.
func (r *tableRun) finish() {
	for i, v := range r.views {
		if !bytes.Equal(tableBytes(v), r.shown[i]) {
			r.t.Errorf("view %d of %d changed", i, len(r.views))
		}
	}
}

func TestP2_FullTableSurvivesTheSnapshot(t *testing.T) {
	table := fullTable()
	evicting := producer(MaxProducers)
	next := Event{Link: crypto.CausalLink{Sequence: MaxProducers*ProducerWindow + 1}, Producer: evicting, ProducerSeq: 9}
	table.record(&next, [][]byte{{1}})
	if want := uint64(MaxProducers*(ProducerWindow-1) + 1); table.horizon != want {
		t.Fatalf("horizon %d, want the silent producer's last sequence %d", table.horizon, want)
	}
	b := tableBytes(table.view())
	again := tableFrom(t, b, MaxProducers)
	again.check()
	if !bytes.Equal(tableBytes(again.view()), b) {
		t.Error("table differs after the round trip")
	}
	// Both must go on forgetting the same producers.
	for i := range 100 {
		next.Link.Sequence++
		next.Producer = producer(MaxProducers + 1 + i)
		table.record(&next, nil)
		again.record(&next, nil)
	}
	if !bytes.Equal(tableBytes(again.view()), tableBytes(table.view())) {
		t.Error("table read back evicts others than the original")
	}
}

// TestWindowMemory pins what the package documentation promises for a producer
// that sends little, and for one that sends much.
func TestWindowMemory(t *testing.T) {
	w := new(window)
	*w.push() = entry{number: 1, sequence: 1}
	if cap(w.entries) != 4 {
		t.Errorf("a first entry reserves %d", cap(w.entries))
	}
	for i := range 1000 {
		*w.push() = entry{number: uint64(i + 2), sequence: uint64(i + 2)}
	}
	if cap(w.entries) != ProducerWindow {
		t.Errorf("a full window has room for %d entries", cap(w.entries))
	}
	if w.at(0).number != 1001-ProducerWindow+1 || w.newest().number != 1001 {
		t.Errorf("window spans %d to %d", w.at(0).number, w.newest().number)
	}
}

// TestKeptShrinks: one large output must not pin its memory for good.
func TestKeptShrinks(t *testing.T) {
	var k *kept
	k = k.replaced(0, [][]byte{make([]byte, 100_000)})
	k = k.replaced(0, [][]byte{make([]byte, 10)})
	if cap(k.encoded) > 1000 {
		t.Errorf("10 bytes of outputs hold on to %d", cap(k.encoded))
	}
	first := &k.encoded[0]
	if k = k.replaced(0, [][]byte{make([]byte, 9)}); &k.encoded[0] != first {
		t.Error("memory of the same generation is not used again")
	}
	if k = k.replaced(1, [][]byte{make([]byte, 9)}); &k.encoded[0] == first {
		t.Error("memory that a view shows is written")
	}
	if k = k.replaced(1, nil); k != nil {
		t.Error("no outputs still take memory")
	}
}
