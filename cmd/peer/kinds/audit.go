package kinds

import (
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// Bounds of an Audit. With both reached it takes about 1.7 MiB.
const (
	// MaxAuditProducers is how many producers are told apart. The events of the next ones
	// are only counted (Audit.Overflow).
	MaxAuditProducers = 1024
	// MaxAuditSpans is how many separate runs of sequences are kept for one producer. A
	// number that would need another run is only counted (Report.Overflow); runs that a
	// later number joins make room again.
	MaxAuditSpans = 64
)

// Audit is a daemon's own record of the events that its Process really applied: who sent them,
// which numbers, in which order, with which bytes. It is part of the daemon's state and travels
// in its snapshot, and it knows nothing of the host's table of producers. So what it says about
// loss and repetition after a move is evidence that does not come from the machinery under test.
//
// The zero value is empty and ready. It is not safe for concurrent use; the daemon that holds
// it is its only user. Recording costs about 200 ns and allocates for new producers alone.
type Audit struct {
	tallies  map[crypto.ProducerID]*tally
	overflow uint64 // events of producers beyond MaxAuditProducers

	// The tally of the newest event: most events have the producer of the one before,
	// which makes comparing 32 bytes cheaper than a look-up.
	recentID crypto.ProducerID
	recent   *tally
}

// Report is what an Audit, or an AuditTrail, knows about one producer. It survives JSON.
type Report struct {
	Producer   crypto.ProducerID `json:"producer"`
	Applied    uint64            `json:"applied"`    // events, repeats included
	Duplicates uint64            `json:"duplicates"` // events whose number had been applied before
	Reordered  uint64            `json:"reordered"`  // events that came after one with a higher number
	Overflow   uint64            `json:"overflow"`   // events whose number found no room in Spans
	Chain      crypto.Digest     `json:"chain"`      // depends on every number, payload and their order
	Sums       Sums              `json:"sums"`       // depends on every number and payload, not on the order
	Spans      []Span            `json:"spans"`      // the numbers applied, ascending and coalesced
}

// Record notes an event that was applied. The daemon calls it once per applied event and never
// for one that it refused with an error. The payload is not kept.
func (a *Audit) Record(ev daemon.Event) {
	if a.recent == nil || ev.Producer != a.recentID {
		t := a.tallyOf(ev.Producer)
		if t == nil {
			a.overflow++
			return
		}
		a.recentID, a.recent = ev.Producer, t
	}
	a.recent.record(ev.ProducerSeq, ev.Payload)
}

// tallyOf returns the tally of a producer, a new one if there is room, else nil.
func (a *Audit) tallyOf(p crypto.ProducerID) *tally {
	if t, ok := a.tallies[p]; ok {
		return t
	}
	if len(a.tallies) >= MaxAuditProducers {
		return nil
	}
	if a.tallies == nil {
		a.tallies = make(map[crypto.ProducerID]*tally)
	}
	t := new(tally)
	a.tallies[p] = t
	return t
}

// Producer reports on one producer; false if the audit has no record of it.
func (a *Audit) Producer(p crypto.ProducerID) (Report, bool) {
	t, ok := a.tallies[p]
	if !ok {
		return Report{Producer: p}, false
	}
	return t.report(p), true
}

// Producers returns the producers on record in ascending order of their ids.
func (a *Audit) Producers() []crypto.ProducerID {
	ids := make([]crypto.ProducerID, 0, len(a.tallies))
	for id := range a.tallies {
		ids = append(ids, id)
	}
	sortIDs(ids)
	return ids
}

// Overflow returns how many events came from producers that found no room.
func (a *Audit) Overflow() uint64 { return a.overflow }
