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
// Which slots are taken is told by one bit each, so that a slot need not be looked at before it is written:
// with many events in any order it is in no cache, and a store does not wait for it where a load would.
// A free slot has no payload; its other fields are leftovers.
type page struct {
	held   uint64 // the bit of slot i is 1<<i
	number uint64
	slots  [pageSlots]crypto.CausalEvent
}

// The compiler rejects this line unless held has a bit for each slot.
const _ = uint(64-pageSlots) + uint(pageSlots-64)

// bitOf returns the bit of the slot that a sequence has in its page.
func bitOf(seq uint64) uint64 { return 1 << (seq & (pageSlots - 1)) }

// slot returns the slot that a sequence has in its page.
func (p *page) slot(seq uint64) *crypto.CausalEvent { return &p.slots[seq&(pageSlots-1)] }

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

// page returns the page that holds the events around seq, or nil if there is none.
func (r *ring) page(seq uint64) *page {
	if r.events == 0 {
		return nil
	}
	if p := *r.entry(seq); p != nil && p.number == pageOf(seq) {
		return p
	}
	return nil
}

// at returns the slot of the event with that sequence, or nil if it is not held. The caller may overwrite
// it with another event of the same sequence.
func (r *ring) at(seq uint64) *crypto.CausalEvent {
	if p := r.page(seq); p != nil && p.held&bitOf(seq) != 0 {
		return p.slot(seq)
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

// cost returns how much memory open would take for seq.
func (r *ring) cost(low, seq uint64) int64 {
	if n := r.span(low, seq); n > max(len(r.dir), smallDir) {
		return int64(n-r.heapDir())*dirEntryCost + pageCost
	}
	return pageCost
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

// open makes the page for seq, which must have none, and returns it. The sequence must be at least low, and
// the caller puts an event there at once.
func (r *ring) open(low, seq uint64) *page {
	if n := r.span(low, seq); n > len(r.dir) {
		r.grow(n)
	}
	p := takePage()
	p.number = pageOf(seq)
	*r.entry(seq) = p
	return p
}

// put stores an event in its page, where its slot must be empty.
func (r *ring) put(p *page, ev *crypto.CausalEvent) {
	seq := ev.Link.Sequence
	*p.slot(seq) = *ev
	p.held |= bitOf(seq)
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

// remove frees the slot of a sequence that is held, and returns how much memory that gave back, the payload
// not counted. The payload is let go, so that it can be collected.
func (r *ring) remove(seq uint64) (freed int64) {
	e := r.entry(seq)
	p := *e
	p.slot(seq).Payload = nil
	r.events--
	if p.held &^= bitOf(seq); p.held == 0 {
		freed = pageCost
		pages.Put(p)
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
