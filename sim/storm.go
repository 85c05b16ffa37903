package sim

import (
	"math/rand/v2"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Storm is a run whose every detail is drawn from its seed: the size of the cluster, how slow and how
// faulty it is, who moves what where, who submits, and who lies.
type Storm struct {
	*Cluster
	setup   Setup
	rng     *rand.Rand // nil with a script
	daemons map[int]node.Daemon
	asked   map[int]wire.MigrationID // by their names
	names   int                      // how many are taken
	acts    []Act                    // what was done
	over    bool                     // faults are, and work
	script  []Act                    // what is to be done, instead of what is drawn
}

// Timings are short, so that a storm does not last long: what takes seconds in earnest takes a tenth.
func stormTimings() node.Config {
	var cfg node.Config
	cfg.Source.FreezeBudget = 60 * time.Millisecond
	cfg.Source.DoubtAfter = time.Second
	cfg.Target.AskAfter = 100 * time.Millisecond
	cfg.Target.DoubtAfter = time.Second
	cfg.Target.Orphan = 3 * time.Second
	cfg.Orchestrator.Silence = 300 * time.Millisecond
	cfg.Orchestrator.DoubtAfter = time.Second
	return cfg
}

// NewStorm prepares the storm of a seed. Only the seed, Trace, Hash and Rule of the options are looked at.
func NewStorm(opt Options) *Storm {
	rng := rand.New(rand.NewPCG(opt.Seed, 0x5707))
	s := newStorm(drawSetup(opt.Seed, rng), opt)
	s.rng = rng
	return s
}

// Run runs the storm to its end and returns the first check that failed.
func (s *Storm) Run() error {
	if s.rng != nil {
		s.draw()
	} else {
		s.play()
	}
	s.Cluster.Run(s.setup.Until + time.Millisecond)
	s.near = nil
	s.heal()
	stuck := s.unmoved()
	s.Settle(2 * time.Minute)
	stuck()
	s.moveOn()
	return s.Err()
}

// draw draws what happens while it happens.
func (s *Storm) draw() {
	for i := range 1 + s.rng.IntN(3) {
		kind := KindTape
		if s.rng.IntN(6) == 0 {
			kind = KindFrozen
		}
		s.do(Act{Op: "spawn", By: s.honest(), Daemon: i, Word: kind})
	}
	s.setup.Until = s.drawLength()
	s.repeat(between(s.rng, time.Millisecond, 16*time.Millisecond), s.submit)
	s.repeat(between(s.rng, 10*time.Millisecond, 120*time.Millisecond), s.migrate)
	if s.rng.IntN(3) > 0 {
		s.repeat(between(s.rng, 10*time.Millisecond, 200*time.Millisecond), s.disturb)
	}
	s.repeat(10*time.Millisecond, s.read)
	s.near = s.interfere
	if s.rng.IntN(4) == 0 {
		s.repeat(between(s.rng, 100*time.Millisecond, 800*time.Millisecond), s.kill)
	} else if s.durable() {
		s.repeat(between(s.rng, 20*time.Millisecond, 400*time.Millisecond), s.kill)
	}
	if s.directory != nil && s.rng.IntN(2) == 0 {
		s.repeat(between(s.rng, 100*time.Millisecond, 600*time.Millisecond), s.outage)
	}
	if s.setup.Hostile {
		s.drawLies()
	}
}

// drawLength draws how long a storm lasts: a third of a second on average, at times almost a whole one.
func (s *Storm) drawLength() time.Duration {
	x := s.rng.Float64()
	return 100*time.Millisecond + time.Duration(x*x*float64(800*time.Millisecond))
}

// repeat does something again and again, at random times with the given mean, until the storm is over.
func (s *Storm) repeat(mean time.Duration, f func()) {
	s.after(between(s.rng, 0, 2*mean), func() {
		if s.Now().Sub(Start) > s.setup.Until {
			return
		}
		f()
		s.repeat(mean, f)
	})
}

func (s *Storm) anyNode() int { return s.rng.IntN(len(s.nodes)) }

// honest draws a node that is.
func (s *Storm) honest() int {
	if s.setup.Hostile {
		return s.rng.IntN(len(s.nodes) - 1)
	}
	return s.anyNode()
}

func (s *Storm) submit() {
	s.do(Act{
		Op: "submit", By: s.anyNode(), Daemon: s.rng.IntN(len(s.daemons)), Word: []string{"", "", "x"}[s.rng.IntN(3)],
		N: 1 + s.rng.IntN(8), Via: s.anyNode(), Seed: s.rng.Uint64(),
	})
}

// read asks a daemon for its state, at a node that need not have it.
func (s *Storm) read() {
	s.do(Act{Op: "read", By: s.anyNode(), Daemon: s.rng.IntN(len(s.daemons))})
}

// migrate asks for a move, most often from where the daemon is. A hostile node may ask for one and have daemons
// of its own; those of others do not go there, since whoever has a daemon can do anything with it.
func (s *Storm) migrate() {
	a := Act{Op: "migrate", By: s.anyNode(), Daemon: s.rng.IntN(len(s.daemons)), Name: s.names}
	s.names++
	choose := s.honest
	if s.logs[s.daemons[a.Daemon].Origin].wild {
		choose = s.anyNode
	}
	a.To, a.From = choose(), choose()
	if holders, _ := s.holders(s.daemons[a.Daemon].Origin); len(holders) > 0 && s.rng.IntN(10) > 0 {
		a.From = holders[0].Index
	}
	if s.rng.IntN(8) == 0 {
		a.For = between(s.rng, time.Millisecond, time.Second)
	}
	s.do(a)
	if s.rng.IntN(6) == 0 {
		by := a.By
		if s.rng.IntN(3) == 0 {
			by = a.From
		}
		s.later(between(s.rng, 0, 100*time.Millisecond), Act{Op: "cancel", By: by, Name: a.Name})
	}
}

func (s *Storm) later(d time.Duration, a Act) { s.after(d, func() { s.do(a) }) }

// disturb does something to the network.
func (s *Storm) disturb() {
	a := Act{By: s.anyNode(), To: s.anyNode()}
	if a.By == a.To {
		return
	}
	switch s.rng.IntN(5) {
	case 0:
		a.Op = "cut"
	case 1:
		a.Op, a.For = "stall", between(s.rng, 0, 400*time.Millisecond)
	case 2, 3:
		a.Op = "connect"
	case 4:
		a.Op = "block"
		s.later(between(s.rng, 0, 500*time.Millisecond), Act{Op: "unblock", By: a.By, To: a.To})
	}
	s.do(a)
}

// kill ends some process and starts it again; fell does that to a given one.
func (s *Storm) kill() { s.fell(s.anyNode()) }

func (s *Storm) fell(n int) {
	s.do(Act{Op: "kill", By: n})
	s.later(between(s.rng, 0, 300*time.Millisecond), Act{Op: "restart", By: n})
}

// outage takes the directory away for a while.
func (s *Storm) outage() {
	s.do(Act{Op: "outage", For: between(s.rng, 0, 300*time.Millisecond)})
}

// unmoved returns a check that no migration has stood still until its stall limit with nothing in its way: every message
// that matters is sent again. Only what still runs when that limit has passed since the faults has had all of it. The source is
// asked as well, since an orchestrator that has restarted knows nothing of it.
func (s *Storm) unmoved() (check func()) {
	type sight struct {
		m  *migration
		at *Node
	}
	var running []sight
	s.after(stormStall, func() {
		for _, m := range s.migrations {
			if m.timed || m.orch.hostile || m.source.hostile || m.target.hostile {
				continue
			}
			for _, n := range []*Node{m.orch, m.source} {
				if v, ok := m.seenBy(n.life); ok && v.Outcome == 0 {
					running = append(running, sight{m, n})
				}
			}
		}
	})
	return func() {
		for _, r := range running {
			v, ok := r.m.seenBy(r.at.life)
			if ok && v.Reason == wire.ReasonTimeout && s.err == nil {
				s.Failf("%x stood still after the storm, says %s: %s", r.m.id[:2], r.at.Name, v.Detail)
			}
		}
	}
}

func (s *Storm) heal() {
	s.log("the storm is over")
	if s.directory != nil {
		s.directory.away, s.directory.loses = time.Time{}, 0
	}
	s.over = true
	for k := range s.links {
		s.links[k].blocked = false
	}
	for _, n := range s.nodes {
		if !n.hostile || s.setup.End != endsDead {
			n.Restart()
		}
	}
	s.endHostile()
}

// stormStall is the stall limit of the migrations of a storm.
const stormStall = 2 * time.Second
