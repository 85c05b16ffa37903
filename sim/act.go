package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// Act is one thing that a storm does from outside, with everything that was drawn for it, so that it can be done
// again. Which fields count depends on Op; see opKeys.
type Act struct {
	At     time.Duration // since Epoch
	Op     string
	By     int // numbers of nodes
	From   int
	To     int
	Via    int
	Daemon int           // the number of a daemon, from its birth on
	Name   int           // of a migration, so that it can be cancelled
	N      int           // how many
	Seed   uint64        // of what is drawn while it is done
	For    time.Duration // how long
	Word   string        // a kind, a label, or what is said; empty is none
}

// opKeys lists what is written of each kind of act.
var opKeys = map[string][]string{
	"spawn":   {"by", "daemon", "word"},
	"submit":  {"by", "via", "daemon", "n", "seed", "word"},
	"read":    {"by", "daemon"},
	"migrate": {"by", "from", "to", "daemon", "name", "for"},
	"cancel":  {"by", "name"},
	"cut":     {"by", "to"},
	"stall":   {"by", "to", "for"},
	"connect": {"by", "to"},
	"block":   {"by", "to"},
	"unblock": {"by", "to"},
	"kill":    {"by"},
	"restart": {"by"},
	"outage":  {"for"},
	"say":     {"by", "to", "seed", "word"},
}

// field returns where a key's value is, and how it is written.
func (a *Act) field(key string) any {
	switch key {
	case "by":
		return &a.By
	case "from":
		return &a.From
	case "to":
		return &a.To
	case "via":
		return &a.Via
	case "daemon":
		return &a.Daemon
	case "name":
		return &a.Name
	case "n":
		return &a.N
	case "seed":
		return &a.Seed
	case "for":
		return &a.For
	case "word":
		return &a.Word
	}
	return nil
}

// String writes an act as one line that parseAct reads. What is zero is left out.
func (a Act) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s", a.At, a.Op)
	for _, key := range opKeys[a.Op] {
		switch v := a.field(key).(type) {
		case *int:
			fmt.Fprintf(&b, " %s=%d", key, *v)
		case *uint64:
			fmt.Fprintf(&b, " %s=%d", key, *v)
		case *time.Duration:
			fmt.Fprintf(&b, " %s=%v", key, *v)
		case *string:
			fmt.Fprintf(&b, " %s=%s", key, *v)
		}
	}
	return b.String()
}

func parseAct(line string) (a Act, err error) {
	words := strings.Fields(line)
	if len(words) < 2 || opKeys[words[1]] == nil {
		return a, fmt.Errorf("sim: %q is not an act", line)
	}
	a.Op = words[1]
	if a.At, err = time.ParseDuration(words[0]); err != nil {
		return a, fmt.Errorf("sim: %q: %w", line, err)
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		if err := a.set(key, value); err != nil {
			return a, fmt.Errorf("sim: %q in %q: %w", word, line, err)
		}
	}
	return a, nil
}

func (a *Act) set(key, value string) (err error) {
	switch v := a.field(key).(type) {
	case *int:
		*v, err = strconv.Atoi(value)
	case *uint64:
		*v, err = strconv.ParseUint(value, 10, 64)
	case *time.Duration:
		*v, err = time.ParseDuration(value)
	case *string:
		*v = value
	default:
		err = fmt.Errorf("there is no such field")
	}
	return err
}

// do does something now, and remembers it.
func (s *Storm) do(a Act) {
	a.At = s.Now().Sub(Start)
	s.acts = append(s.acts, a)
	s.perform(a)
}

// perform does an act as far as it can be done: in a shortened script its daemon may never have been born, or
// its node may be down, or the storm may be over.
func (s *Storm) perform(a Act) {
	if s.over && a.Op != "restart" && a.Op != "unblock" && a.Op != "cancel" {
		return
	}
	by, to := s.nodes[a.By], s.nodes[a.To]
	switch a.Op {
	case "spawn":
		s.daemons[a.Daemon] = by.Spawn(a.Word, fmt.Sprintf("d%d", a.Daemon))
	case "submit":
		s.performSubmit(a)
	case "read":
		if d, born := s.daemons[a.Daemon]; born && by.Up() {
			by.Read(d.Origin)
		}
	case "migrate":
		s.performMigrate(a)
	case "cancel":
		if id, ok := s.asked[a.Name]; ok {
			by.Cancel(id)
		}
	case "cut":
		s.Cut(by, to)
	case "stall":
		s.Stall(by, to, a.For)
	case "connect":
		s.Connect(by, to)
	case "block":
		s.Block(by, to)
	case "unblock":
		s.Unblock(by, to)
	case "kill":
		by.Kill()
	case "outage":
		s.Outage(a.For)
	case "restart":
		by.Restart()
	case "say":
		s.performSay(a)
	}
}

func (s *Storm) performSubmit(a Act) {
	d, born := s.daemons[a.Daemon]
	n := s.nodes[a.By]
	if !born || !n.Up() {
		return
	}
	rng := rand.New(rand.NewPCG(a.Seed, 0x5b31))
	for range a.N {
		p := s.Payload(8 + rng.IntN(24))
		if rng.IntN(50) == 0 {
			p[0] = Poison
		}
		n.SubmitVia(d.Origin, a.Word, p, s.nodes[a.Via].ID)
	}
}

func (s *Storm) performMigrate(a Act) {
	d, born := s.daemons[a.Daemon]
	by, from, to := s.nodes[a.By], s.nodes[a.From], s.nodes[a.To]
	if born && by.Up() && from.Up() && to.Up() {
		s.asked[a.Name] = by.Migrate(d.Origin, from, to, wire.Options{Stall: stormStall, Timeout: a.For})
	}
}
