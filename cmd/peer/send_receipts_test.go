package main

import (
	"testing"
	"time"
)

// TestSendWaitsForAReceiptAndNotForTheOldestEvent: with many events in flight each waits for all before it, longer
// than --timeout, and receipts come all the while. Only their silence ends the command.
func TestSendWaitsForAReceiptAndNotForTheOldestEvent(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	r := receipts{f: sendFlags{timeout: 30 * time.Second}}
	if r.waiting(at(100)) {
		t.Error("nothing was sent")
	}
	for range 3 {
		r.sending(at(100))
	}
	if r.waiting(at(129)) || !r.waiting(at(130)) {
		t.Error("without any receipt it is not 30 s from the first event")
	}
	if waited := r.answered(at(129)); waited != 29*time.Second {
		t.Errorf("the first event has waited for %v", waited)
	}
	if r.waiting(at(158)) {
		t.Error("a receipt came 29 s ago")
	}
	if !r.waiting(at(159)) {
		t.Error("no receipt has come for 30 s")
	}
	r.answered(at(158))
	r.answered(at(158))
	r.sending(at(300))
	if r.waiting(at(329)) || !r.waiting(at(330)) {
		t.Error("the silence while nothing was awaited counts")
	}
}
