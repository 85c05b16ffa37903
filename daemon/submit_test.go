package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestSubmitBuildsTheChain(t *testing.T) {
	h, _ := birth(t)
	head := h.Head()
	if want := h.Passport().Genesis.Head(); head != want {
		t.Fatalf("born with head %v, want the genesis' %v", head, want)
	}
	for i := range 10 {
		r := submit(t, h, producer(i%3), uint64(i+1), fmt.Sprint("payload ", i))
		if err := head.CheckLink(r.Event.Link); err != nil {
			t.Fatalf("event %d does not follow: %v", i, err)
		}
		head = head.Append(r.Event, r.Outputs)
		if r.Head != head || h.Head() != head || r.Duplicate {
			t.Fatalf("event %d: head %v, receipt %v, want %v", i, h.Head(), r.Head, head)
		}
	}
	if h.Epoch() != 1 {
		t.Errorf("epoch %d at birth", h.Epoch())
	}
}

func TestP2_DuplicateIsAppliedOnce(t *testing.T) {
	h, d := birth(t)
	first := submit(t, h, producer(1), 5, "a")
	second := submit(t, h, producer(1), 9, "b")
	calls, head := d.calls, h.Head()

	again := submit(t, h, producer(1), 9, "b")
	want := second.Event
	want.Payload = nil
	if !again.Duplicate || !equalEvents(again.Event, want) || again.Head != (crypto.Head{}) {
		t.Errorf("repeat of the newest: %+v, want %+v", again, want)
	}
	if len(again.Outputs) != 2 || !bytes.Equal(again.Outputs[0], second.Outputs[0]) || len(again.Outputs[1]) != 0 {
		t.Errorf("outputs of the newest %v, want %v", again.Outputs, second.Outputs)
	}
	again = submit(t, h, producer(1), 5, "other payload")
	if !again.Duplicate || again.Event.Link != first.Event.Link || again.Outputs != nil {
		t.Errorf("repeat of an older one: %+v", again)
	}
	if d.calls != calls || h.Head() != head {
		t.Error("a repeat reached the daemon or the log")
	}
	_, err := h.Submit(producer(1), 7, nil)
	wantErr(t, "a number left out", err, wire.ErrProducerWindow)
}

func equalEvents(a, b Event) bool {
	return a.Link == b.Link && a.Kind == b.Kind && a.Producer == b.Producer &&
		a.ProducerSeq == b.ProducerSeq && bytes.Equal(a.Payload, b.Payload)
}

func TestP2_WindowHoldsSixtyFour(t *testing.T) {
	h, _ := birth(t)
	for i := range 100 {
		submit(t, h, producer(1), uint64(i), "x")
	}
	for i := range uint64(100) {
		r, err := h.Submit(producer(1), i, nil)
		if i < 100-ProducerWindow {
			wantErr(t, fmt.Sprint("number ", i), err, wire.ErrProducerWindow)
		} else if err != nil || !r.Duplicate || r.Event.Link.Sequence != i+1 {
			t.Errorf("number %d: %+v, %v", i, r, err)
		}
	}
}

func TestP2_DuplicateAfterMoves(t *testing.T) {
	h, _ := birth(t)
	var receipts []Receipt
	for epoch := byte(1); epoch < 6; epoch++ {
		receipts = append(receipts, submit(t, h, producer(1), uint64(epoch), "x"))
		h = move(t, h, epoch, epoch+1, uint64(epoch))
		if h.Epoch() != uint64(epoch)+1 {
			t.Fatalf("epoch %d after %d moves", h.Epoch(), epoch)
		}
		for i, want := range receipts {
			r := submit(t, h, producer(1), uint64(i+1), "x")
			if !r.Duplicate || r.Event.Link != want.Event.Link {
				t.Fatalf("after %d moves number %d is at %+v, want %+v", epoch, i+1, r.Event.Link, want.Event.Link)
			}
		}
	}
	if err := h.Passport().Verify(); err != nil {
		t.Error(err)
	}
}

func TestP2_EvictedProducerIsRefused(t *testing.T) {
	h := idleHost(t, 0)
	since, last, err := h.OpenProducer(producer(0))
	if since != 0 || last != 0 || err != nil {
		t.Fatalf("open: %d, %d, %v", since, last, err)
	}
	for i := range MaxProducers + 1 {
		submitIdle(t, h, producer(i), h.Head().Sequence)
	}
	// Producer 0 was evicted. Nobody who might be it gets in.
	_, err = h.Submit(producer(0), 1, nil)
	wantErr(t, "evicted", err, wire.ErrProducerEvicted)
	_, err = h.SubmitSince(producer(77_777), 0, 1, nil)
	wantErr(t, "unknown since before the horizon", err, wire.ErrProducerEvicted)
	since, last, err = h.OpenProducer(producer(0))
	if since != MaxProducers+1 || last != 0 || err != nil {
		t.Fatalf("open again: %d, %d, %v", since, last, err)
	}
	if r, err := h.SubmitSince(producer(0), since, 1, nil); err != nil || r.Duplicate {
		t.Errorf("opened again: %+v, %v", r, err)
	}
	// That evicted producer 1, which had been told less.
	_, err = h.SubmitSince(producer(1), 1, 2, nil)
	wantErr(t, "evicted next", err, wire.ErrProducerEvicted)
	if r, err := h.Submit(producer(2), 1, nil); err != nil || !r.Duplicate {
		t.Errorf("known producer with since 0: %+v, %v", r, err)
	}
}

func submitIdle(t *testing.T, h *Host, p crypto.ProducerID, since uint64) {
	t.Helper()
	if _, err := h.SubmitSince(p, since, 1, nil); err != nil {
		t.Fatal(err)
	}
}

func TestFailedProcessRecordsNothing(t *testing.T) {
	h, d := birth(t)
	submit(t, h, producer(1), 1, "before")
	head := h.Head()
	for payload, want := range map[string]error{
		"fail": errRefused, "panic": nil, "huge": wire.ErrTooLarge, "many": wire.ErrTooLarge,
	} {
		_, err := h.Submit(producer(1), 2, []byte(payload))
		if err == nil {
			t.Errorf("%s: no error", payload)
		}
		if want != nil {
			wantErr(t, payload, err, want)
		}
		if h.Head() != head {
			t.Errorf("%s: the head moved", payload)
		}
	}
	// The number is still free, also for a producer never seen.
	if _, err := h.Submit(producer(2), 1, []byte("fail")); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if _, last, _ := h.OpenProducer(producer(2)); last != 0 {
		t.Errorf("a failed submission left number %d", last)
	}
	calls := d.calls
	if r := submit(t, h, producer(1), 2, "after"); r.Duplicate || d.calls != calls+1 {
		t.Errorf("number 2 was not free: %+v", r)
	}
}

func TestSizes(t *testing.T) {
	h, d := birth(t)
	_, err := h.Submit(producer(1), 1, make([]byte, wire.MaxPayload+1))
	wantErr(t, "payload one byte too long", err, wire.ErrTooLarge)
	if d.calls != 0 {
		t.Error("a payload that is too long reached the daemon")
	}
	if _, err := h.Submit(producer(1), 1, make([]byte, wire.MaxPayload)); err != nil {
		t.Errorf("largest payload: %v", err)
	}
	r := submit(t, h, producer(1), 2, "largest")
	if len(r.Outputs[0]) != wire.MaxOutputs {
		t.Errorf("largest output came back with %d bytes", len(r.Outputs[0]))
	}
	restored(t, snapshotBytes(t, h), 1)
}

func TestT16_LogNeverWraps(t *testing.T) {
	h, _ := birth(t)
	h.head.Sequence = math.MaxUint64 - 2
	if r := submit(t, h, producer(1), 1, "last"); r.Event.Link.Sequence != math.MaxUint64-1 {
		t.Fatalf("last input at %d", r.Event.Link.Sequence)
	}
	_, err := h.Submit(producer(1), 2, nil)
	wantErr(t, "one more", err, ErrLogFull)
	if r := submit(t, h, producer(1), 1, "last"); !r.Duplicate {
		t.Error("a full log no longer knows its duplicates")
	}
	ev, err := h.HandOver(node(1), node(2), testKey(t, 1).Public())
	if err != nil || ev.Link.Sequence != math.MaxUint64 {
		t.Errorf("a full log does not leave: %d, %v", ev.Link.Sequence, err)
	}
}

func TestSubmitBatch(t *testing.T) {
	h, d := birth(t)
	items := []wire.Submission{
		{Seq: 1, Payload: []byte("a")}, {Seq: 1, Payload: []byte("a")},
		{Seq: 2, Payload: []byte("fail")}, {Seq: 3, Payload: []byte("c")},
	}
	got, err := h.SubmitBatch(producer(1), 0, items, make([]Receipt, 1, 9))
	wantErr(t, "batch", err, errRefused)
	if len(got) != 3 || got[1].Duplicate || !got[2].Duplicate || d.calls != 2 {
		t.Errorf("%d receipts after %d calls: %+v", len(got), d.calls, got)
	}
	if got[1].Event.Link.Sequence != 1 || h.Head().Sequence != 1 {
		t.Error("receipts before the error do not count")
	}
	if _, err := h.Freeze(); err != nil {
		t.Fatal(err)
	}
	got, err = h.SubmitBatch(producer(1), 0, items, nil)
	wantErr(t, "batch while frozen", err, wire.ErrFrozen)
	if len(got) != 0 {
		t.Errorf("%d receipts while frozen", len(got))
	}
}

// The outputs of a batch have a bound: 64 events can have 16 MiB, which is more than may wait for a peer at once. What is beyond it is not
// applied, so that it can be submitted again and gets its outputs. Replay of what was applied has no such bound.
func TestSubmitBatchStopsAtItsOutputs(t *testing.T) {
	const most = 1 << 20
	h, d := birth(t)
	dark, _ := restored(t, snapshotBytes(t, h), 1)
	var items []wire.Submission
	for i := range uint64(wire.MaxBatch) {
		items = append(items, wire.Submission{Seq: i + 1, Payload: []byte("largest")})
	}
	items[5].Payload = nil // small outputs count for what they are
	for applied := 0; applied < len(items); {
		got, err := h.SubmitBatch(producer(1), 0, items[applied:], make([]Receipt, 0, len(items)))
		size := 0
		for i, r := range got {
			size += outputBytes(r.Outputs)
			if r.Duplicate || len(r.Outputs) == 0 {
				t.Fatalf("item %d: %+v", applied+i, r)
			}
			if err := dark.Replay(r.Event); err != nil {
				t.Fatal(err)
			}
		}
		if applied += len(got); size > most || len(got) == 0 || d.calls != applied {
			t.Fatalf("%d receipts with outputs of %d bytes, %d of %d were applied", len(got), size, d.calls, applied)
		}
		if applied < len(items) {
			wantErr(t, "the rest", err, wire.ErrNotReady)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if dark.Head() != h.Head() {
		t.Errorf("replayed to %v, want %v", dark.Head(), h.Head())
	}
}

// TestOwnership: the receipt shows the caller's payload, and a daemon that
// reuses its output buffer cannot change what a repeat is told.
func TestOwnership(t *testing.T) {
	h, _ := birth(t)
	payload := []byte("mine")
	r, err := h.Submit(producer(1), 1, payload)
	if err != nil || &r.Event.Payload[0] != &payload[0] {
		t.Errorf("payload was copied: %v", err)
	}
	want := bytes.Clone(r.Outputs[0])
	clear(r.Outputs[0])
	r.Outputs[0][0] = 0xff
	again := submit(t, h, producer(1), 1, "mine")
	if !bytes.Equal(again.Outputs[0], want) {
		t.Errorf("kept outputs %x, want %x", again.Outputs[0], want)
	}
	again.Outputs[0][0] = 0xee
	if third := submit(t, h, producer(1), 1, "mine"); !bytes.Equal(third.Outputs[0], want) {
		t.Error("a receipt shares memory with the table")
	}
}

// TestHeadDoesNotWait: what is shown answers while Process is at work.
func TestHeadDoesNotWait(t *testing.T) {
	h, d := birth(t)
	head := h.Head()
	d.hold, d.entered = make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := h.Submit(producer(1), 1, []byte("hold"))
		done <- err
	}()
	<-d.entered
	if h.Head() != head || h.Epoch() != 1 || h.Dark() || h.Frozen() || h.Passport().Epoch() != 1 {
		t.Error("the host shows something else while an event is applied")
	}
	close(d.hold)
	if err := <-done; err != nil || h.Head().Sequence != 1 {
		t.Errorf("head %d after the event, %v", h.Head().Sequence, err)
	}
}

// TestConcurrentSubmit: many producers, each retrying everything, make a log in
// which each submission is once.
func TestConcurrentSubmit(t *testing.T) {
	const workers, each = 8, 50
	h, d := birth(t)
	var wg sync.WaitGroup
	for w := range workers {
		for range 2 {
			wg.Go(func() {
				for seq := range uint64(each) {
					if _, err := h.Submit(producer(w), seq+1, []byte("silent")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if got := h.Head().Sequence; got != workers*each || d.calls != workers*each {
		t.Errorf("%d events after %d calls, want %d", got, d.calls, workers*each)
	}
}
