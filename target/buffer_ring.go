package target

import (
	"sync"
	"unsafe"

	"github.com/ferrymesh/ferry/crypto"
)

// The shape of the ring. A page is small enough that an event far from all others costs little, and large
// enough that events close together share its one allocation.
const (
	pageShift = 6
	pageSlots = 1 << pageShift // events per page
	smallDir  = 8              // pages reachable without a directory on the heap
)

// What memory costs, in bytes, as the ledger counts it. A page that is full of events costs 128 bytes for
// each of them, a page with a single event as much as a full one: that is what the memory really is, and a
// peer that spreads its events far apart is charged for it.
const (
	pageCost      = 8 << 10 // one page: 64 slots and its header, in its size class
	dirEntryCost  = 8       // one entry of a directory on the heap
	eventOverhead = 128     // an event outside the ring, without its payload
)

// The compiler rejects this line once a page has outgrown its cost.
const _ = uint(pageCost - unsafe.Sizeof(page{}))

// page holds the events of pageSlots consecutive sequences, the first of which is number times pageSlots.
// A free slot has the sequence 0, which no held event has, and no payload; its other fields are leftovers.
type page struct {
	slots  [pageSlots]crypto.CausalEvent
	number uint64
	events int
}

// pages holds emptied pages for whichever buffer needs one next, of this or another handler: to allocate a
// page and to collect it again costs more than all the events that pass through it. What lies here is not in
// use, counts nowhere, and is given up to the collector in two cycles.
var pages sync.Pool // of *page, all slots free

// takePage returns a page without events.
func takePage() *page {
	if p, ok := pages.Get().(*page); ok {
		return p
	}
	return new(page)
}

// ring keeps events by sequence. It is a directory of pages, a power of two long, in which the page number
// modulo the length is the index. The pages in use never span more numbers than the directory is long, so
// no two of them meet. The directory grows to the distance that is really used and is given back when the
// ring runs empty; pages are given back as they run empty.
//
// The ring knows no caps and no cursor: low, where it is asked for, is the lowest sequence that can still
// be held. A ring must not be copied.
type ring struct {
	dir    []*page // nil until the first event; then small[:] or on the heap
	small  [smallDir]*page
	events int
}

// pageOf returns the number of the page that a sequence belongs to.
func pageOf(seq uint64) uint64 { return seq >> pageShift }

// entry returns the directory entry for seq. The directory must not be nil.
func (r *ring) entry(seq uint64) **page {
	return &r.dir[pageOf(seq)&uint64(len(r.dir)-1)]
}

// at returns the slot of the event with that sequence, or nil if it is not held. The caller may overwrite
// it with another event of the same sequence.
func (r *ring) at(seq uint64) *crypto.CausalEvent {
	if r.events == 0 {
		return nil
	}
	p := *r.entry(seq)
	if p == nil {
		return nil
	}
	if slot := &p.slots[seq&(pageSlots-1)]; slot.Link.Sequence == seq {
		return slot
	}
	return nil
}

// span returns how long the directory must be to reach from low to seq.
func (r *ring) span(low, seq uint64) int {
	need := pageOf(seq) - pageOf(low) + 1
	n := max(len(r.dir), smallDir)
	for uint64(n) < need {
		n *= 2
	}
	return n
}

// cost returns how much memory put would take for seq.
func (r *ring) cost(low, seq uint64) int64 {
	n := r.span(low, seq)
	if n > max(len(r.dir), smallDir) {
		return int64(n-r.heapDir())*dirEntryCost + pageCost // a page beyond the old directory is new
	}
	if r.dir == nil || *r.entry(seq) == nil {
		return pageCost
	}
	return 0
}

// heapDir returns the length of the directory if it is on the heap, else 0.
func (r *ring) heapDir() int {
	if len(r.dir) <= smallDir {
		return 0
	}
	return len(r.dir)
}

// memory returns what the ring costs as it stands.
func (r *ring) memory() int64 {
	total := int64(r.heapDir()) * dirEntryCost
	for _, p := range r.dir {
		if p != nil {
			total += pageCost
		}
	}
	return total
}

// put stores an event whose slot is empty. The sequence must be at least low.
func (r *ring) put(low uint64, ev *crypto.CausalEvent) {
	seq := ev.Link.Sequence
	if n := r.span(low, seq); n > len(r.dir) {
		r.grow(n)
	}
	e := r.entry(seq)
	if *e == nil {
		*e = r.newPage(seq)
	}
	(*e).slots[seq&(pageSlots-1)] = *ev
	(*e).events++
	r.events++
}

// grow moves the pages to a directory of n entries.
func (r *ring) grow(n int) {
	old := r.dir
	if n == smallDir {
		r.dir = r.small[:]
		return
	}
	r.dir = make([]*page, n)
	for _, p := range old {
		if p != nil {
			r.dir[p.number&uint64(n-1)] = p
		}
	}
	clear(r.small[:])
}

// newPage returns an empty page for the sequences around seq.
func (r *ring) newPage(seq uint64) *page {
	p := takePage()
	p.number = pageOf(seq)
	return p
}

// remove frees the slot of an event that is held, and returns how much memory that gave back, the payload
// not counted. The payload is let go, so that it can be collected.
func (r *ring) remove(slot *crypto.CausalEvent) (freed int64) {
	e := r.entry(slot.Link.Sequence)
	slot.Link.Sequence, slot.Payload = 0, nil
	r.events--
	if (*e).events--; (*e).events == 0 {
		freed = pageCost
		pages.Put(*e)
		*e = nil
	}
	if r.events == 0 {
		freed += int64(r.heapDir()) * dirEntryCost
		r.dir = nil
	}
	return freed
}

// clear frees everything at once. The pages go to the garbage collector: emptying them slot by slot would
// cost more than allocating new ones.
func (r *ring) clear() {
	r.dir, r.small, r.events = nil, [smallDir]*page{}, 0
}
