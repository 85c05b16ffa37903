package peer

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// Config describes a node. Only Key is required.
type Config struct {
	// Key is the node's own key; its public half is the node's id.
	Key *crypto.NodeKeypair
	// Name is what the node calls itself, for people: what wire.CheckName lets through.
	Name string
	// Listen is the UDP address, "host:port"; empty means any free port on all interfaces.
	Listen string
	// Advertise are the addresses at which others can dial this node, at most wire.MaxAddrs; empty means what
	// it listens on.
	Advertise []string
	// DataDir holds the boot counter and the journal; one process has it at a time. Empty means that the
	// counter starts from the clock, which is enough as long as the clock does not run backwards across a
	// restart, and that this node can hold daemons of durability memory only.
	DataDir string
	// Durability is that of daemons that are born here and say nothing else; zero is memory.
	Durability wire.Durability
	// Journal tunes the journal in DataDir.
	Journal journal.Config
	// Directory decides about handovers and knows where daemons are; nil is the two-party handover, or the directory
	// that Keeper has. Peers that may move daemons to or from here may ask it through this node. All nodes of a
	// mesh have the same directory from the beginning: it cannot decide about daemons that were born or have moved
	// without it, and those move only while their node has none.
	Directory directory.Directory
	// Keeper is a node that has a directory in its own Config, which this node asks.
	Keeper crypto.NodeID
	// Fatal is called when a sync of the journal has failed: what is on the disk is known only after a
	// restart, so it must end the process. Nil means panic.
	Fatal func(error)
	// Authorize tells what a peer may do here, and whether it may connect at all. Nil lets nobody in.
	// It is called from network goroutines, before a session's hello and after it, and by Reauthorize.
	Authorize func(crypto.NodeID) (wire.Rights, bool)
	// Logger receives what an operator wants to know. The zero value discards it.
	Logger zerolog.Logger
	// Transport limits what peers can use; its Key, Listen, Advertise and Authorize are set from above.
	Transport transport.Config
	// Network opens the network; nil means QUIC. Tests use the in-memory twin.
	Network func(transport.Config, transport.Receiver) (transport.Network, error)
	// Target limits what migrations towards this node may hold; its Node is set from Key.
	Target target.Config
	// MaxSnapshot bounds the bytes of a snapshot that a migration may bring here, and with them what it may
	// write to the disk before it is found out; 0 means 64 GiB. What a daemon makes of its state in memory is
	// its own.
	MaxSnapshot int64
	// Core tunes the roles' timings; its identity, keys and admission are set by New.
	Core node.Config
}

// Defaults of the event buffer, announced to sources as their credits.
const (
	defaultPendingEvents = 1_000_000
	defaultPendingBytes  = 64 << 20
)

// defaultMaxSnapshot is in nobody's way and yet a limit: a source that never stops is stopped.
const defaultMaxSnapshot = 64 << 30

// defaultIdleTimeout is how long a dead peer goes unnoticed. A transfer whose target dies ends within it, and
// a healthy session sends something three times as often.
const defaultIdleTimeout = 5 * time.Second

func (cfg *Config) complete() error {
	if cfg.Key == nil {
		return errors.New("peer: Config.Key is missing: load one with crypto.LoadNodeKey or make one with crypto.GenerateNodeKeypair")
	}
	if err := wire.CheckName(cfg.Name); err != nil {
		return fmt.Errorf("peer: Config.Name: %w", err)
	}
	if cfg.Network == nil {
		cfg.Network = transport.ListenQUIC
	}
	if err := wire.CheckAddrs(cfg.Advertise); err != nil {
		return fmt.Errorf("peer: Config.Advertise: %w", err)
	}
	cfg.Transport.Key, cfg.Transport.Listen = cfg.Key, cfg.Listen
	cfg.Transport.Advertise, cfg.Transport.Authorize = cfg.Advertise, cfg.Authorize
	if cfg.Transport.IdleTimeout == 0 {
		cfg.Transport.IdleTimeout = defaultIdleTimeout
	}
	var err error
	if cfg.Transport.ResetKey == [32]byte{} {
		if cfg.Transport.ResetKey, err = cfg.Key.ResetKey(); err != nil {
			return fmt.Errorf("peer: %w", err)
		}
	}
	if cfg.Fatal == nil {
		cfg.Fatal = func(err error) { panic("peer: the process must end: " + err.Error()) }
	}
	if cfg.MaxSnapshot < 0 {
		return fmt.Errorf("peer: Config.MaxSnapshot is %d, a number of bytes is needed", cfg.MaxSnapshot)
	}
	if cfg.MaxSnapshot == 0 {
		cfg.MaxSnapshot = defaultMaxSnapshot
	}
	cfg.Target.Node = cfg.Key.ID()
	if cfg.Target.MaxPendingEvents == 0 {
		cfg.Target.MaxPendingEvents = defaultPendingEvents
	}
	if cfg.Target.MaxPendingBytes == 0 {
		cfg.Target.MaxPendingBytes = defaultPendingBytes
	}
	return nil
}

// AllowOnly returns an Authorize function for a fixed set of peers.
func AllowOnly(rights map[crypto.NodeID]wire.Rights) func(crypto.NodeID) (wire.Rights, bool) {
	return func(id crypto.NodeID) (wire.Rights, bool) {
		r, ok := rights[id]
		return r, ok
	}
}

// now is the one place where this package reads the clock.
func now() time.Time { return time.Now() }
