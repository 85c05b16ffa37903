package peer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Events of one producer are applied and answered in the order of Go, each once, also while the daemon moves.
func TestProducerOrder(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 3)
	d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	producer := peers[2].Producer(d.Origin, ProducerOptions{Via: peers[0].ID()})
	moved := make(chan error, 1)
	go func() {
		m, err := peers[0].Migrate(ctx, MigrateRequest{Origin: d.Origin, Target: peers[1].ID()})
		if err == nil {
			_, err = m.Wait(ctx)
		}
		moved <- err
	}()
	const events = 20_000
	var last node.Receipt // written by one goroutine, that of the node
	first := uint64(0)    // number of the first event
	var answers sync.WaitGroup
	for i := range uint64(events) {
		answers.Add(1)
		err := producer.Go(ctx, []byte("event"), func(r node.Receipt, err error) {
			defer answers.Done()
			if i == 0 {
				first = r.ProducerSeq
			}
			if err != nil || r.ProducerSeq != first+i || r.Sequence <= last.Sequence {
				t.Errorf("event %d: number %d at %d behind %d, %v", i+1, r.ProducerSeq, r.Sequence, last.Sequence, err)
			}
			last = r
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answers.Wait()
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	if last.Sequence != events+1 { // the handover is an entry as well
		t.Fatalf("the last event is at %d", last.Sequence)
	}
}

// What is larger than one frame goes in several, and is never joined beyond a frame's limit.
func TestProducerLargePayloads(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 2)
	d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	producer := peers[1].Producer(d.Origin, ProducerOptions{Via: peers[0].ID()})
	var answers sync.WaitGroup
	for range 20 {
		answers.Add(1)
		err := producer.Go(ctx, make([]byte, wire.MaxPayload), func(_ node.Receipt, err error) {
			defer answers.Done()
			if err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answers.Wait()
}

// A node that closes answers everything that was submitted, once, and refuses what comes later.
func TestProducerOfClosedNode(t *testing.T) {
	ctx := context.Background()
	peers := mesh(t, 2)
	nowhere := peers[1].ID()
	var submitted, answered atomic.Int64
	var producers sync.WaitGroup
	for range 4 {
		producer := peers[0].Producer(1, ProducerOptions{Label: "lost", Via: nowhere})
		producers.Go(func() {
			for {
				var once atomic.Bool
				submitted.Add(1)
				err := producer.Go(ctx, nil, func(_ node.Receipt, err error) {
					if err == nil || once.Swap(true) {
						t.Errorf("answered %v, or twice", err)
					}
					answered.Add(1)
				})
				if errors.Is(err, ErrClosed) {
					submitted.Add(-1)
					return
				}
			}
		})
	}
	waiting := peers[0].Producer(1, ProducerOptions{Via: nowhere})
	producers.Go(func() {
		for {
			if _, err := waiting.Submit(ctx, nil); errors.Is(err, ErrClosed) {
				return
			}
		}
	})
	for answered.Load() == 0 {
		if _, err := peers[0].Counters(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := peers[0].Close(); err != nil {
		t.Fatal(err)
	}
	producers.Wait()
	if submitted.Load() != answered.Load() {
		t.Fatalf("%d submitted, %d answered", submitted.Load(), answered.Load())
	}
}

// A call of Go that waits for room ends with its context, and the room that comes goes to another.
func TestProducerWindow(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 2)
	d, err := peers[1].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	producer := peers[0].Producer(d.Origin, ProducerOptions{Via: peers[1].ID()})
	hold := make(chan struct{}) // keeps the node from answering
	var answers sync.WaitGroup
	submit := func(ctx context.Context, done func()) error {
		answers.Add(1)
		err := producer.Go(ctx, nil, func(node.Receipt, error) { done(); answers.Done() })
		if err != nil {
			answers.Done()
		}
		return err
	}
	for range producerWindow {
		if err := submit(ctx, func() { <-hold }); err != nil {
			t.Fatal(err)
		}
	}
	short, giveUp := context.WithCancel(ctx)
	gaveUp, got := make(chan error, 1), make(chan error, 8)
	go func() { gaveUp <- submit(short, func() {}) }()
	for range cap(got) {
		go func() { got <- submit(ctx, func() {}) }()
	}
	giveUp()
	if err := <-gaveUp; !errors.Is(err, ErrWindowFull) || !errors.Is(err, context.Canceled) {
		t.Fatalf("gave up with %v", err)
	}
	close(hold)
	for range cap(got) {
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
	answers.Wait()
}

// Submissions that are taken back before the node has taken them make room for a Go that waits, as answers do. There is no loop
// here that could.
func TestProducerAbandonedMakeRoom(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := &Peer{items: make(chan item, inboxSize), ctx: ctx, stop: stop}
	producer := p.Producer(1, ProducerOptions{})
	never := func(node.Receipt, error) { t.Error("answered") }
	var given []*batch
	for range producerWindow {
		b, ok := producer.add(wire.Submission{}, never, unbounded)
		if !ok {
			t.Fatal("closed")
		}
		given = append(given, b)
	}
	if b, ok := producer.add(wire.Submission{}, never, producerWindow); b != nil || !ok { // counts as a Go that waits
		t.Fatal("there is room already")
	}
	for _, b := range given {
		producer.abandon(b)
	}
	select {
	case <-producer.room:
	default:
		t.Errorf("%d submissions are unanswered, and who waits for room is not told", producer.open)
	}
}

// Submissions that nobody waits for any more do not pile up in front of a daemon that cannot be reached.
func TestProducerAbandons(t *testing.T) {
	peers := mesh(t, 1)
	ctx, cancel := context.WithCancel(context.Background())
	producer := peers[0].Producer(1, ProducerOptions{Via: [32]byte{1}})
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			if _, err := producer.Submit(ctx, nil); !errors.Is(err, context.Canceled) && !errors.Is(err, wire.ErrDaemonNotFound) {
				t.Error(err)
			}
		})
	}
	cancel()
	callers.Wait()
	idle := false
	for deadline := now().Add(time.Minute); !idle && now().Before(deadline); {
		if _, err := peers[0].Counters(context.Background()); err != nil { // a turn of the loop
			t.Fatal(err)
		}
		producer.mu.Lock()
		idle = producer.open == 0 && producer.given == 0 && len(producer.batches) == 0
		producer.mu.Unlock()
	}
	if !idle {
		t.Fatal("submissions are left")
	}
}

// What no frame could carry is refused where it is submitted, whether the daemon is here or elsewhere, and holds up nothing
// that comes after it: its node would send it again and again, to a holder that cannot read it.
func TestProducerRefusesWhatNobodyCouldRead(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	peers := mesh(t, 2)
	d, err := peers[0].Spawn(ctx, "counter", SpawnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for where, p := range map[string]*Peer{"here": peers[0], "elsewhere": peers[1]} {
		producer := p.Producer(d.Origin, ProducerOptions{Via: peers[0].ID()})
		for _, size := range []int{wire.MaxPayload + 1, 1 << 20} {
			if _, err := producer.Submit(ctx, make([]byte, size)); !errors.Is(err, wire.ErrTooLarge) {
				t.Errorf("%s: an event of %d bytes: %v", where, size, err)
			}
			never := func(node.Receipt, error) { t.Error("what was refused is answered as well") }
			if err := producer.Go(ctx, make([]byte, size), never); !errors.Is(err, wire.ErrTooLarge) {
				t.Errorf("%s: an event of %d bytes: %v", where, size, err)
			}
		}
		if _, err := producer.Submit(ctx, []byte("after it")); err != nil {
			t.Errorf("%s: the event after it: %v", where, err)
		}
		for _, label := range []string{"two\nlines", "\xff", strings.Repeat("l", wire.MaxLabel+1)} {
			odd := p.Producer(d.Origin, ProducerOptions{Label: label, Via: peers[0].ID()})
			if _, err := odd.Submit(ctx, []byte("x")); err == nil {
				t.Errorf("%s: the label %q is taken", where, label)
			}
		}
	}
}
