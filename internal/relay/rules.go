package relay

import (
	"fmt"
	"time"
)

// Rules are what one direction does to packets. The zero value passes everything on at once, in order.
type Rules struct {
	// Cut drops everything, what is on its way included: a partition of this direction.
	Cut bool
	// Delay is how long each packet takes, and Jitter how much longer at most. Neither changes the order.
	Delay, Jitter time.Duration
	// Loss, Duplicate and Reorder are the shares of packets, from 0 to 1, that are dropped, passed on twice,
	// and held back by ReorderBy while later ones overtake.
	Loss, Duplicate, Reorder float64
	// ReorderBy is how long a reordered packet is held back; 0 means DefaultReorderBy.
	ReorderBy time.Duration
	// Rate is a limit in bytes per second; 0 is none.
	Rate int
}

// DefaultReorderBy is more than a few round trips on loopback, so that something does overtake.
const DefaultReorderBy = 10 * time.Millisecond

// Check returns an error that names the rule that means nothing.
func (r Rules) Check() error {
	shares := []struct {
		name  string
		value float64
	}{{"Loss", r.Loss}, {"Duplicate", r.Duplicate}, {"Reorder", r.Reorder}}
	for _, s := range shares {
		if !(s.value >= 0 && s.value <= 1) { // so that NaN fails as well
			return fmt.Errorf("relay: Rules.%s is %v: give a share from 0 to 1", s.name, s.value)
		}
	}
	if r.Delay < 0 || r.Jitter < 0 || r.ReorderBy < 0 || r.Rate < 0 {
		return fmt.Errorf("relay: Rules have a negative time or rate: %+v", r)
	}
	return nil
}

// Stats count what became of the packets of one direction. Each packet that arrived is in exactly one of
// Queued, Lost, Cut and Overflow; Sent counts copies.
type Stats struct {
	Queued     uint64 // packets that were accepted
	Sent       uint64 // copies that were written to the other side
	Bytes      uint64 // in those copies
	Lost       uint64 // dropped by Loss
	Cut        uint64 // dropped by Cut on arrival
	CutQueued  uint64 // copies dropped by Cut while they were queued
	Overflow   uint64 // dropped because the queue was full
	Duplicated uint64 // packets that were queued twice
	Reordered  uint64 // packets that were held back
}
