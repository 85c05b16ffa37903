package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// Setup is what is drawn for a storm before anything happens. Together with its acts it is the whole storm: what
// else is drawn on the way, such as delays, follows from the seed.
type Setup struct {
	Seed          uint64
	Nodes         int
	Freeze, Ask   time.Duration `json:",omitempty"` // zero is that of stormTimings
	Orphan        time.Duration `json:",omitempty"` // the same; when a target drops what it has promised nobody
	Net           Speeds
	PendingEvents int   `json:",omitempty"`
	PendingBytes  int64 `json:",omitempty"`
	MaxActive     int   `json:",omitempty"`
	Durability    wire.Durability
	SegmentSize   int64
	MaxSegments   int
	Directory     bool        `json:",omitempty"`
	Loses         int         `json:",omitempty"` // see Options.DirectoryLoses
	Clocks        bool        `json:",omitempty"`
	Hostile       bool        `json:",omitempty"` // whether the last node is
	Rights        wire.Rights `json:",omitempty"` // what the others give it
	End           ending      `json:",omitempty"` // what becomes of it when faults are over
	Until         time.Duration
}

// drawSetup draws that of a seed. What concerns disks, clocks, hostile nodes and patience comes from sources of their own,
// so that they do not change what a seed draws otherwise.
func drawSetup(seed uint64, rng *rand.Rand) Setup {
	s := Setup{Seed: seed, Nodes: 3 + rng.IntN(3), Clocks: seed%2 == 1}
	if rng.IntN(3) == 0 { // most freezes pass without an answer
		s.Freeze = between(rng, time.Millisecond, 12*time.Millisecond)
		s.Ask = between(rng, 2*time.Millisecond, 20*time.Millisecond)
	}
	s.Net = Speeds{
		Link: between(rng, 200*time.Microsecond, 6*time.Millisecond), Spike: between(rng, 0, 80*time.Millisecond),
		Call: between(rng, 0, time.Millisecond), Piece: between(rng, 0, 4*time.Millisecond),
		Notice: between(rng, 0, 300*time.Millisecond), Chunk: 64 << rng.IntN(8),
	}
	if rng.IntN(4) == 0 {
		s.PendingEvents, s.PendingBytes = 1+rng.IntN(64), 1<<(8+rng.IntN(12))
	}
	if rng.IntN(8) == 0 {
		s.MaxActive = 1
	}
	s.drawDisks()
	s.drawHostile()
	s.drawPatience()
	return s
}

// drawPatience makes the targets of every other storm give up soon what they have promised nobody: a promise that
// was forgotten is noticed then. Half of that time suffices to ask a source that is quiet, and to hear it, on
// a clock that runs twice as fast.
func (s *Setup) drawPatience() {
	rng := rand.New(rand.NewPCG(s.Seed, 0x09fa))
	if rng.IntN(2) == 0 {
		least := 8*(s.Net.Link+s.Net.Spike) + 20*time.Millisecond
		s.Orphan = between(rng, least, least+300*time.Millisecond)
	}
}

// drawDisks gives two of three storms disks, and every other one of these a directory.
func (s *Setup) drawDisks() {
	rng := rand.New(rand.NewPCG(s.Seed, 0xd15c))
	levels := []wire.Durability{wire.DurabilityMemory, wire.DurabilityEveryEvent, wire.DurabilityBoth}
	s.Durability = levels[rng.IntN(len(levels))]
	if s.Durability > wire.DurabilityMemory && rng.IntN(2) == 0 {
		s.Directory, s.Loses = true, []int{0, 0, 5, 30}[rng.IntN(4)]
	}
	s.SegmentSize, s.MaxSegments = 4<<10<<rng.IntN(6), 2+rng.IntN(4)
}

// options are those of a cluster that is set up like this. Trace, Hash and Rule of opt are kept.
func (s Setup) options(opt Options) Options {
	opt.Seed, opt.Nodes, opt.Net, opt.Clocks, opt.Durability = s.Seed, s.Nodes, s.Net, s.Clocks, s.Durability
	opt.Directory, opt.DirectoryLoses = s.Directory, s.Loses
	opt.Core = stormTimings()
	if s.Freeze > 0 {
		opt.Core.Source.FreezeBudget = s.Freeze
	}
	if s.Ask > 0 {
		opt.Core.Target.AskAfter = s.Ask
	}
	if s.Orphan > 0 {
		opt.Core.Target.Orphan = s.Orphan
	}
	opt.Target = target.Config{MaxPendingEvents: s.PendingEvents, MaxPendingBytes: s.PendingBytes, MaxActive: s.MaxActive}
	opt.Journal = journal.Config{SegmentSize: s.SegmentSize, MaxSegments: s.MaxSegments}
	return opt
}

// Script is a storm as text: what it was set up with, and what was done. It can be shortened.
type Script struct {
	Setup Setup
	Acts  []Act
}

// Script returns what the storm has done so far.
func (s *Storm) Script() Script { return Script{s.setup, append([]Act(nil), s.acts...)} }

// WriteTo writes the setup on one line and each act on another.
func (sc Script) WriteTo(w io.Writer) (int64, error) {
	setup, err := json.Marshal(sc.Setup)
	if err != nil {
		return 0, fmt.Errorf("sim: write a script: %w", err)
	}
	var b strings.Builder
	b.Write(append(setup, '\n'))
	for _, a := range sc.Acts {
		b.WriteString(a.String() + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ReadScript reads what WriteTo wrote. Empty lines and lines that begin with # are left out.
func ReadScript(r io.Reader) (sc Script, err error) {
	lines := bufio.NewScanner(r)
	for first := true; lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if first {
			first = false
			if err := json.Unmarshal([]byte(line), &sc.Setup); err != nil {
				return sc, fmt.Errorf("sim: read a script: %w", err)
			}
			continue
		}
		a, err := parseAct(line)
		if err == nil && max(a.By, a.From, a.To, a.Via) >= sc.Setup.Nodes || min(a.By, a.From, a.To, a.Via) < 0 {
			err = fmt.Errorf("sim: %q names a node that is not there", line)
		}
		if err != nil {
			return sc, err
		}
		sc.Acts = append(sc.Acts, a)
	}
	return sc, lines.Err()
}

// NewScripted prepares the storm of a script. Only Trace, Hash and Rule of the options are looked at.
func NewScripted(sc Script, opt Options) *Storm {
	s := newStorm(sc.Setup, opt)
	s.script = sc.Acts
	return s
}

func newStorm(setup Setup, opt Options) *Storm {
	s := &Storm{Cluster: New(setup.options(opt)), setup: setup, daemons: make(map[int]node.Daemon), asked: make(map[int]wire.MigrationID)}
	s.admitHostile()
	return s
}

// play does what a script says, each act at its time.
func (s *Storm) play() {
	for _, a := range s.script {
		if a.At <= 0 {
			s.do(a)
		} else {
			s.at(Start.Add(a.At), func() { s.do(a) })
		}
	}
}
