package attack

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// The victim is a process of its own, so that what is measured is the node under attack and not the attacker
// beside it. It is this test binary, started again with its configuration in the environment. Each line on its
// standard input asks for figures, which come back as one line of JSON; the end of the input ends it.

// victimEnv holds the victim's configuration.
const victimEnv = "FERRY_ATTACK_VICTIM"

// kind is the only kind of daemon here.
const kind = "echo"

// victimConfig is what a test may choose. Everything else is as an operator gets it who says nothing.
type victimConfig struct {
	Rights      map[string]wire.Rights // by node id in hexadecimal
	Dir         string
	MaxSnapshot int64
	Directory   bool // it keeps one
}

// greeting is the victim's first line.
type greeting struct {
	Node   crypto.NodeID
	Addrs  []string
	Honest uint64 // origin of the daemon that the honest producer uses
	Prey   uint64 // origin of the one beside it
}

// figures are what a victim costs, and what it has counted.
type figures struct {
	Heap       uint64 // bytes in use after a collection
	Peak       uint64 // highest resident size since the last figures, bytes; 0 where the system does not tell
	Goroutines int
	Files      int // open file descriptors; 0 where the system does not tell
	Peers      int // that the node remembers
	Sessions   int
	Migrations int // that the node remembers
	Refused    uint64
	Malformed  uint64
}

func runVictim() int {
	if err := beAttacked(); err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		return 1
	}
	return 0
}

func beAttacked() (err error) {
	var cfg victimConfig
	if err := json.Unmarshal([]byte(os.Getenv(victimEnv)), &cfg); err != nil {
		return err
	}
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		return err
	}
	var keeps directory.Directory
	if cfg.Directory {
		keeps = directory.NewMemory()
	}
	p, err := peer.New(peer.Config{
		Key: key, Directory: keeps, Listen: "127.0.0.1:0", DataDir: cfg.Dir, Durability: wire.DurabilityEveryEvent,
		Authorize: func(id crypto.NodeID) (wire.Rights, bool) {
			r, ok := cfg.Rights[fmt.Sprintf("%x", id[:])]
			return r, ok
		},
		Transport:   transport.Config{HandshakeTimeout: handshakeTimeout},
		MaxSnapshot: cfg.MaxSnapshot,
		// A copy whose stream was cut waits so long for its source to go on.
		Core: node.Config{Target: target.MachineConfig{Orphan: 20 * time.Second}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.RegisterKind(kind, func() daemon.Daemon { return new(echo) }); err != nil {
		return err
	}
	honest, err1 := p.Spawn(context.Background(), kind, peer.SpawnOptions{Name: "honest"})
	prey, err2 := p.Spawn(context.Background(), kind, peer.SpawnOptions{Name: "prey"})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(greeting{p.ID(), p.Addrs(), honest.Origin, prey.Origin}); err != nil {
		return err
	}
	return report(p, out)
}

// report answers every line with figures.
func report(p *peer.Peer, out *json.Encoder) error {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		f, err := measure(p)
		if err != nil {
			return err
		}
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func measure(p *peer.Peer) (figures, error) {
	f := figures{Peak: peakResident(), Files: openFiles()}
	// Twice: what a finalizer or a pool lets go of in the first is collected in the second.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.Heap, f.Goroutines = m.HeapAlloc, runtime.NumGoroutine()
	ctx := context.Background()
	peers, err1 := p.Peers(ctx)
	migrations, err2 := p.Migrations(ctx)
	counted, err3 := p.Counters(ctx)
	for _, q := range peers {
		f.Sessions += q.Sessions
	}
	f.Peers, f.Migrations = len(peers), len(migrations)
	f.Refused, f.Malformed = counted.FramesRefused, counted.FramesMalformed
	return f, errors.Join(err1, err2, err3)
}

// echo answers with as many bytes as it is asked for, and has a state of any size that takes no memory, so that
// all the memory a test finds is the node's.
type echo struct{ size uint64 }

// The first byte of a payload, before a number of four.
const (
	opAnswer = 'a' // with so many bytes
	opSize   = 's' // is the state's from now on
)

func order(op byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{op}, n) }

func (d *echo) Process(ev daemon.Event) ([][]byte, error) {
	if len(ev.Payload) != 5 {
		return nil, nil
	}
	n := binary.BigEndian.Uint32(ev.Payload[1:])
	if ev.Payload[0] == opSize {
		d.size = uint64(n)
		return nil, nil
	}
	return [][]byte{make([]byte, min(n, wire.MaxOutputs))}, nil
}

func (d *echo) Snapshot() (io.WriterTo, error) { return zeros(d.size), nil }

func (d *echo) Restore(r io.Reader) error {
	n, err := io.Copy(io.Discard, r)
	d.size = uint64(n)
	return err
}

// zeros is a state of so many of them.
type zeros uint64

func (z zeros) WriteTo(w io.Writer) (n int64, err error) {
	piece := make([]byte, 64<<10)
	for left := uint64(z); left > 0 && err == nil; {
		var k int
		k, err = w.Write(piece[:min(left, uint64(len(piece)))])
		left, n = left-uint64(k), n+int64(k)
	}
	return n, err
}
