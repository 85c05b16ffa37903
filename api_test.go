package ferry_test

import (
	"io"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// The names below are what embedders compile against. This file has no test: it fails to compile when one
// of them is renamed or changes its shape.

var (
	_ = [32]byte(crypto.Digest{})
	_ = [32]byte(crypto.EntityID{})
	_ = [32]byte(crypto.PublicKey{})
	_ = [32]byte(crypto.NodeID{})
	_ = [32]byte(crypto.ProducerID{})

	_ func() (*crypto.EntityKeypair, error)                                                       = crypto.GenerateEntityKeypair
	_ func([32]byte) (*crypto.EntityKeypair, error)                                               = crypto.KeypairFromSeed
	_ func(crypto.PublicKey) *crypto.EntityKeypair                                                = crypto.PublicOnly
	_ func(*crypto.EntityKeypair) crypto.PublicKey                                                = (*crypto.EntityKeypair).Public
	_ func(*crypto.EntityKeypair) bool                                                            = (*crypto.EntityKeypair).CanSign
	_ func(*crypto.EntityKeypair)                                                                 = (*crypto.EntityKeypair).Wipe
	_ func(crypto.EntityID) uint64                                                                = crypto.OriginOf
	_ func(crypto.CausalEvent) crypto.Digest                                                      = crypto.CausalEvent.Digest
	_ func(crypto.CausalEvent, crypto.PublicKey) (crypto.Handover, error)                         = crypto.ParseHandover
	_ func(crypto.Passport) error                                                                 = crypto.Passport.Verify
	_ func(a, b crypto.Passport) (crypto.Fork, bool)                                              = crypto.FindFork
	_                                                                                             = []crypto.EventKind{crypto.EventInput, crypto.EventHandover, crypto.EventForced}
	_                                                                                             = crypto.CausalLink{Origin: 0, Sequence: 0, Parent: crypto.Digest{}}
	_                                                                                             = crypto.CausalEvent{Link: crypto.CausalLink{}, Kind: 0, Producer: crypto.ProducerID{}, ProducerSeq: 0, Payload: nil}
	_                                                                                             = crypto.Head{Origin: 0, Sequence: 0, Digest: crypto.Digest{}, Outputs: crypto.Digest{}}
	_                                                                                             = crypto.Handover{From: crypto.NodeID{}, To: crypto.NodeID{}, Epoch: 0, Head: crypto.Head{}, Next: crypto.PublicKey{}, SnapshotSequence: 0, Previous: crypto.Digest{}, Time: time.Time{}}
	_                                                                                             = crypto.SignedHead{Head: crypto.Head{}, Epoch: 0}
	_ func(daemon.Daemon, *crypto.EntityKeypair, string, daemon.HostConfig) (*daemon.Host, error) = daemon.NewHost
	_                                                                                             = daemon.HostConfig{Now: time.Now}
	_                                                                                             = daemon.Receipt{Event: daemon.Event{}, Outputs: nil, Duplicate: false}
	_ func(io.Reader) (*daemon.Snapshot, error)                                                   = daemon.ReadSnapshot
	_ func() *daemon.Registry                                                                     = daemon.NewRegistry
	_ func() *daemon.Factories                                                                    = daemon.NewFactories
	_                                                                                             = daemon.Expectation{New: nil, Orchestrator: new(crypto.NodeID), Config: daemon.HostConfig{}}
	_ func(*daemon.Registry, target.Config) *target.Handler                                       = target.New
	_ func(*daemon.Registry, *daemon.Factories, target.Config) *target.Handler                    = target.NewWithFactories
	_                                                                                             = target.Config{Node: crypto.NodeID{}, MaxPendingEvents: 0, MaxPendingBytes: 0}
	_                                                                                             = target.RestoreContext{Migration: wire.MigrationID{}, Origin: 0, Snapshot: nil, Source: crypto.NodeID{}, Orchestrator: crypto.NodeID{}}
	_ *target.Buffer
	_ = [16]byte(wire.MigrationID{})
	_ = wire.Attempt{Epoch: 0, Boot: 0, Count: 0}
	_ = [...]wire.Phase{wire.PhaseSnapshot, wire.PhaseTransfer, wire.PhaseRestore, wire.PhaseReplay, wire.PhaseCutover, wire.PhaseComplete}
	_ = []error{
		wire.ErrAlreadyMigrating, wire.ErrDaemonNotFound, wire.ErrWrongPhase, wire.ErrStateFailed, wire.ErrBufferFull, wire.ErrGap,
		wire.ErrHeadMismatch, wire.ErrNoHandover, wire.ErrWrongKey, wire.ErrWrongPeer, wire.ErrStaleEpoch, wire.ErrNotReady,
		wire.ErrFactoryNotFound, wire.ErrDiverged, wire.ErrProducerWindow, wire.ErrProducerEvicted, wire.ErrPassportFull,
	}
)

// The methods, as interfaces that the types must satisfy.
var (
	_ interface {
		Process(daemon.Event) ([][]byte, error)
		Snapshot() (io.WriterTo, error)
		Restore(io.Reader) error
	} = daemon.Daemon(nil)
	_ interface {
		EntityID() crypto.EntityID
		Origin() uint64
		Passport() crypto.Passport
		Submit(crypto.ProducerID, uint64, []byte) (daemon.Receipt, error)
		Head() crypto.Head
		Epoch() uint64
		Snapshot() (*daemon.Snapshot, error)
		Freeze() (crypto.Head, error)
		Thaw() error
		HandOver(from, to crypto.NodeID, next crypto.PublicKey) (daemon.Event, error)
	} = (*daemon.Host)(nil)
	_ interface {
		EntityID() crypto.EntityID
		Kind() string
		Through() uint64
		Close() error
		WriteTo(io.Writer) (int64, error)
	} = (*daemon.Snapshot)(nil)
	_ interface {
		Register(*daemon.Host) error
		Unregister(uint64) (*daemon.Host, error)
		Host(uint64) (*daemon.Host, bool)
		Len() int
	} = (*daemon.Registry)(nil)
	_ interface {
		RegisterKind(string, func() daemon.Daemon) error
		Expect(uint64, daemon.Expectation) error
		Remove(uint64)
	} = (*daemon.Factories)(nil)
	_ interface {
		Factories() *daemon.Factories
		HostHeadLink(uint64) (crypto.Head, error)
		RestoreSnapshot(target.RestoreContext, *crypto.EntityKeypair, func() daemon.Daemon, daemon.HostConfig) error
		OrchestratorNode(uint64) (crypto.NodeID, bool)
		ReplayEvents(uint64, []crypto.CausalEvent) (uint64, error)
		BufferEvent(uint64, crypto.CausalEvent) (bool, error)
		Hold(uint64, wire.Attempt, crypto.Head) error
		Release(uint64, wire.Attempt) error
		Tick(time.Time)
		Activate(uint64) (uint64, error)
		Complete(uint64) error
		ForgetCompleted(uint64) bool
		Abort(uint64) error
		IsMigrating(uint64) bool
		Phase(uint64) (wire.Phase, bool)
		ReplayedThrough(uint64) (uint64, bool)
		ActiveCount() int
	} = (*target.Handler)(nil)
)
