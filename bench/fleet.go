package main

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/target"
)

// The nodes of the benchmarks that need no network.
var (
	sourceNode = crypto.NodeID{1}
	targetNode = crypto.NodeID{2}
)

// arrival is a daemon on its way: its snapshot, taken at birth, and its log since.
type arrival struct {
	origin   uint64
	snapshot *daemon.Snapshot
	log      []crypto.CausalEvent
}

// payloadSize is the payload of the events of these benchmarks, in bytes.
const payloadSize = 128

// newArrival gives birth to daemon number n and submits events to it. They share one payload.
func newArrival(n, events int, payload []byte) (a arrival, err error) {
	key, err := keyOf(n)
	if err != nil {
		return a, err
	}
	host, err := daemon.NewHost(idle{}, key, "idle", daemon.HostConfig{})
	if err != nil {
		return a, err
	}
	a.origin = host.Origin()
	if a.snapshot, err = host.Snapshot(); err != nil {
		return a, err
	}
	a.log = make([]crypto.CausalEvent, events)
	for i := range a.log {
		receipt, err := host.Submit(crypto.ProducerID{7}, uint64(i)+1, payload)
		if err != nil {
			return a, err
		}
		a.log[i] = receipt.Event
	}
	return a, nil
}

// keyOf returns the key number n.
func keyOf(n int) (*crypto.EntityKeypair, error) {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n)+1)
	return crypto.KeypairFromSeed(seed)
}

// eachOf runs f for 0 to n-1 on all processors and returns the first error of each.
func eachOf(n int, f func(i int) error) error {
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = f(i)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// fleet makes many arrivals.
func fleet(count, events int) ([]arrival, error) {
	list, payload := make([]arrival, count), make([]byte, payloadSize)
	err := eachOf(count, func(i int) (err error) {
		list[i], err = newArrival(i, events, payload)
		return err
	})
	return list, err
}

// receiver is something that daemons arrive at and that takes batches of their events.
type receiver interface {
	restore(a arrival) error
	replay(origin uint64, events []crypto.CausalEvent) error
}

// arrive restores a fleet at a receiver.
func arrive(r receiver, list []arrival) error {
	return eachOf(len(list), func(i int) error { return r.restore(list[i]) })
}

// handled is the library's own receiver.
type handled struct {
	handler *target.Handler
	key     *crypto.EntityKeypair
}

// newHandled returns a handler with room for a fleet.
func newHandled(count int) (*handled, error) {
	key, err := keyOf(1 << 40)
	h := target.New(daemon.NewRegistry(), target.Config{Node: targetNode, MaxActive: max(count, 1), MaxBuffered: 4 << 30})
	return &handled{h, key}, err
}

func (h *handled) restore(a arrival) error {
	ctx := target.RestoreContext{Origin: a.origin, Snapshot: a.snapshot, Source: sourceNode, Orchestrator: sourceNode}
	return h.handler.RestoreSnapshot(ctx, h.key, newIdle, daemon.HostConfig{})
}

func (h *handled) replay(origin uint64, events []crypto.CausalEvent) error {
	_, err := h.handler.ReplayEvents(origin, events)
	return err
}
