package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/cmd/peer/memory"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// nodeRole is a process with one node in it, set up as "peer serve" sets up its own: the same kinds, the
// same pace of the collector, a log at level info. Methods are called by the parent.
type nodeRole struct {
	meter
	peer    *peer.Peer
	untune  func()
	dataDir string
}

// Where names a node and says where to dial it.
type Where struct {
	ID   crypto.NodeID
	Addr string
}

// OpenArgs describe a node. Durability is that of the daemons born there.
type OpenArgs struct {
	Name       string
	Durability wire.Durability
}

// Open starts the node. It lets everybody in: only children of one parent know its port.
func (r *nodeRole) Open(a OpenArgs, w *Where) (err error) {
	cfg := peer.Config{
		Name: a.Name, Listen: "127.0.0.1:0", Logger: zerolog.New(io.Discard).Level(zerolog.InfoLevel),
		Authorize: func(crypto.NodeID) (wire.Rights, bool) { return wire.AllRights, true },
	}
	if cfg.Key, err = crypto.GenerateNodeKeypair(); err != nil {
		return err
	}
	if cfg.Durability = a.Durability; a.Durability > wire.DurabilityMemory {
		if r.dataDir, err = os.MkdirTemp("", "ferry-bench-"); err != nil {
			return err
		}
		cfg.DataDir = r.dataDir
	}
	r.untune = memory.Tune()
	if r.peer, err = peer.New(cfg); err != nil {
		return err
	}
	*w = Where{r.peer.ID(), r.peer.Addrs()[0]}
	return registerKinds(r.peer)
}

// registerKinds makes a node able to hold the built-in kinds and those of the benchmarks.
func registerKinds(p *peer.Peer) error {
	return errors.Join(kinds.Register(p.Factories()), p.RegisterKind("idle", newIdle), p.RegisterKind("blob", newBlob))
}

// close ends the node and removes what it has written.
func (r *nodeRole) close() error {
	if r.peer == nil {
		return nil
	}
	err := r.peer.Close()
	r.untune()
	if r.dataDir != "" {
		err = errors.Join(err, os.RemoveAll(r.dataDir))
	}
	return err
}

// Learn tells the node where another one is.
func (r *nodeRole) Learn(w Where, _ *None) error {
	r.peer.Learn(w.ID, w.Addr)
	return nil
}

// SpawnArgs ask for daemons without names.
type SpawnArgs struct {
	Kind  string
	Count int
}

// Spawn gives birth to daemons and returns their origins.
func (r *nodeRole) Spawn(a SpawnArgs, origins *[]uint64) error {
	for range a.Count {
		d, err := r.peer.Spawn(context.Background(), a.Kind, peer.SpawnOptions{})
		if err != nil {
			return err
		}
		*origins = append(*origins, d.Origin)
	}
	return nil
}

// moveLimit is how long one migration may take; nothing that is measured comes near it.
const moveLimit = 20 * time.Minute

// MigrateArgs ask for a move away from this node. A MaxBlackout of 0 is the library's default.
type MigrateArgs struct {
	Origin      uint64
	Target      crypto.NodeID
	MaxBlackout time.Duration
}

// Migrate moves a daemon and returns the figures of its source.
func (r *nodeRole) Migrate(a MigrateArgs, s *wire.Stats) (err error) {
	*s, err = r.migrate(a)
	return err
}

func (r *nodeRole) migrate(a MigrateArgs) (wire.Stats, error) {
	ctx, cancel := context.WithTimeout(context.Background(), moveLimit)
	defer cancel()
	request := peer.MigrateRequest{Origin: a.Origin, Target: a.Target, Options: wire.Options{MaxBlackout: a.MaxBlackout}}
	m, err := r.peer.Migrate(ctx, request)
	if err != nil {
		return wire.Stats{}, err
	}
	done, err := m.Wait(ctx)
	return done.Stats, err
}

// DrainArgs ask for the move of many daemons, so many at a time.
type DrainArgs struct {
	Origins  []uint64
	Target   crypto.NodeID
	Parallel int
}

// Drain moves daemons and returns how long all of them took together.
func (r *nodeRole) Drain(a DrainArgs, took *time.Duration) error {
	begun := time.Now()
	var next atomic.Int64
	errs := make([]error, a.Parallel) // one place for each worker
	var workers sync.WaitGroup
	for w := range a.Parallel {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(a.Origins)) && errs[w] == nil; i = next.Add(1) - 1 {
				if _, err := r.migrate(MigrateArgs{Origin: a.Origins[i], Target: a.Target}); err != nil {
					errs[w] = fmt.Errorf("daemon %d of %d: %w", i+1, len(a.Origins), err)
				}
			}
		})
	}
	workers.Wait()
	*took = time.Since(begun)
	return errors.Join(errs...)
}

// SubmitArgs ask for load: producers that submit messages for some time, each either waiting for every
// acknowledgment, or with as many under way as the library allows.
type SubmitArgs struct {
	Origin    uint64
	Via       crypto.NodeID
	Producers int
	Batched   bool
	For       time.Duration
	Payload   int // bytes
}

// Rate is what came of a load.
type Rate struct {
	Count uint64
	Took  time.Duration
	CPU   float64 // seconds, of this process
}

// perSecond is the rate.
func (r Rate) perSecond() float64 { return float64(r.Count) / r.Took.Seconds() }

// Submit has producers of this node submit to a daemon elsewhere.
func (r *nodeRole) Submit(a SubmitArgs, rate *Rate) error {
	ctx := context.Background()
	errs := make([]error, a.Producers)
	var acked atomic.Uint64
	var running sync.WaitGroup
	producers := make([]*peer.Producer, a.Producers)
	for i := range producers {
		producers[i] = r.peer.Producer(a.Origin, peer.ProducerOptions{Label: fmt.Sprint("load-", i), Via: a.Via})
		if _, err := producers[i].Submit(ctx, make([]byte, a.Payload)); err != nil {
			return err
		}
	}
	used, begun := processorTime(), time.Now()
	for i, p := range producers {
		run := waiting
		if a.Batched {
			run = pipelined
		}
		running.Go(func() { errs[i] = run(ctx, p, a, begun.Add(a.For), &acked) })
	}
	running.Wait()
	*rate = Rate{acked.Load(), time.Since(begun), processorTime() - used}
	return errors.Join(errs...)
}

// waiting submits one event after the other.
func waiting(ctx context.Context, p *peer.Producer, a SubmitArgs, until time.Time, acked *atomic.Uint64) error {
	payload := make([]byte, a.Payload)
	for time.Now().Before(until) {
		if _, err := p.Submit(ctx, payload); err != nil {
			return err
		}
		acked.Add(1)
	}
	return nil
}

// pipelined submits without waiting, and waits for all in the end.
func pipelined(ctx context.Context, p *peer.Producer, a SubmitArgs, until time.Time, acked *atomic.Uint64) error {
	payload := make([]byte, a.Payload)
	var under sync.WaitGroup
	var failed atomic.Pointer[error]
	done := func(_ node.Receipt, err error) {
		if err != nil {
			failed.Store(&err)
		}
		acked.Add(1)
		under.Done()
	}
	for i := 0; i%64 != 0 || time.Now().Before(until); i++ {
		under.Add(1)
		if err := p.Go(ctx, payload, done); err != nil {
			return err
		}
	}
	under.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// End ends daemons of this node.
func (r *nodeRole) End(origins []uint64, _ *None) error {
	for _, origin := range origins {
		if err := r.peer.Stop(context.Background(), origin); err != nil {
			return err
		}
	}
	return nil
}
