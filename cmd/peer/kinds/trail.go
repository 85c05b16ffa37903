package kinds

import "github.com/ferrymesh/ferry/crypto"

// AuditTrail is the producer's twin of an Audit: it records what was sent, in the order it was
// sent, and Compare holds it against what the daemon says it applied. The zero value is empty.
// It takes a few hundred bytes however much is sent; it is not safe for concurrent use.
type AuditTrail struct{ sent tally }

// Record notes one event that was handed to the mesh, the first time it is handed over; a
// retry with the same number is not a new event and is not recorded again.
func (t *AuditTrail) Record(producerSeq uint64, payload []byte) { t.sent.record(producerSeq, payload) }

// Report returns the trail in the form of a daemon's report.
func (t *AuditTrail) Report(p crypto.ProducerID) Report { return t.sent.report(p) }

// Verdict is what remains unexplained between what a producer sent and what a daemon applied.
type Verdict struct {
	Lost       uint64 `json:"lost"`       // sent, never applied
	Duplicated uint64 `json:"duplicated"` // applied more than once, counting the repeats
	Reordered  uint64 `json:"reordered"`  // applied after one with a higher number, though not sent so
	Altered    uint64 `json:"altered"`    // applied with other bytes than sent; see Compare
	Foreign    uint64 `json:"foreign"`    // applied under this producer's id, never sent by it
	// Undecided counts the events that one of the two sides had no room to keep apart
	// (MaxAuditSpans); with it above zero the other numbers may miss some.
	Undecided uint64 `json:"undecided"`
}

// Clean reports whether exactly what was sent was applied, once each and in order.
func (v Verdict) Clean() bool { return v == Verdict{} }

// Compare tells what happened to the events of one producer on their way. Lost, Duplicated and
// Foreign are exact while Undecided is zero. Altered is exact as long as at most one altered
// event falls into each class of sequences mod 32, and a lower bound beyond; it is never zero
// if that was the only thing that happened. Classes in which a number is missing on either
// side cannot be judged and count as unaltered.
//
// Equal chains and counts settle everything at once: the chain depends on every number, every
// byte and the order.
func Compare(trail *AuditTrail, applied Report) Verdict {
	sent := trail.sent.report(applied.Producer)
	if sent.Chain == applied.Chain && sent.Applied == applied.Applied {
		return Verdict{}
	}
	lost := spans(sent.Spans).minus(applied.Spans)
	foreign := spans(applied.Spans).minus(sent.Spans)
	v := Verdict{
		Lost:       lost.count(),
		Foreign:    foreign.count(),
		Duplicated: excess(applied.Duplicates, sent.Duplicates),
		Reordered:  excess(applied.Reordered, sent.Reordered),
		Undecided:  max(sent.Overflow, applied.Overflow),
	}
	v.Altered = alteredClasses(sent.Sums, applied.Sums, lost, foreign)
	if v.Clean() {
		v.Altered = 1 // the chains differ and nothing above says why
	}
	return v
}

// excess keeps the difference from going below zero when the producer did it itself.
func excess(have, expected uint64) uint64 { return have - min(have, expected) }

// alteredClasses counts the classes whose sums differ although neither side misses a number there.
func alteredClasses(sent, applied Sums, missing ...spans) (n uint64) {
	var blind [auditSums]bool
	for _, set := range missing {
		for _, sp := range set {
			sp.markClasses(&blind)
		}
	}
	for class := range blind {
		if !blind[class] && sent[class] != applied[class] {
			n++
		}
	}
	return n
}

// markClasses marks the classes of the numbers in sp, at most once around.
func (sp Span) markClasses(marks *[auditSums]bool) {
	for i := uint64(0); i < auditSums && i <= sp.Last-sp.First; i++ {
		marks[(sp.First+i)%auditSums] = true
	}
}
