package bench

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/wire"
)

// Options say what to measure.
type Options struct {
	Targets    []string // names of the nodes that the daemons move to; none for all that are known
	Kind       string
	Daemons    int
	State      uint64 // bytes of each daemon before it is fed; 0 for a kind that begins empty
	Payload    int    // bytes of an event; 0 for what the kind's load gives
	Durability string // empty for the node's own
	Rate       float64
	Producers  int // of each daemon
	Moves      int // of each daemon
	Parallel   int // moves at a time
	Rest       time.Duration
	Timeout    time.Duration
	Seed       uint64
	Conditions []Condition
}

// Flags are the options as they are typed.
type Flags struct {
	kind, state, payload, rate, durability string
	daemons, producers, moves, parallel    int
	rest, timeout                          time.Duration
	seed                                   uint64
	failIf                                 []string
}

// Bounds of what can be asked for.
const (
	maxDaemons = 1000
	// maxStreams is how many producers there may be in all: each has a connection to the node.
	maxStreams = 1000
	maxRate    = 10_000_000
	maxMoves   = 1_000_000
	minState   = 4 << 10
)

// Add defines the flags. The defaults make a run of less than half a minute.
func (f *Flags) Add(fs *pflag.FlagSet) {
	fs.IntVar(&f.daemons, "daemons", 1, "how many daemons to start and move")
	fs.StringVar(&f.kind, "kind", "ledger", "of which kind: "+strings.Join(kinds.Names(), ", "))
	fs.StringVar(&f.state, "state", "64MiB", "size of each daemon's state before it is fed, such as 64MiB or 1GiB")
	fs.StringVar(&f.durability, "durability", "", "what an acknowledgment promises: "+strings.Join(levels(), ", ")+" (default: the node's)")
	fs.StringVar(&f.rate, "rate", "2000", "events per second of all producers together, such as 500 or 20k")
	fs.IntVar(&f.producers, "producers", 1, "producers of each daemon")
	fs.StringVar(&f.payload, "payload", "", "size of an event of a kv or wordcount, such as 128 or 4KiB (default: short commands)")
	fs.IntVar(&f.moves, "moves", 10, "how often each daemon moves; there and back are two")
	fs.IntVar(&f.parallel, "parallel", 1, "how many daemons move at a time")
	fs.DurationVar(&f.rest, "rest", time.Second, "how long nothing moves before each round of moves and after the last")
	fs.DurationVar(&f.timeout, "timeout", 30*time.Second, "give up when no event has been acknowledged for this long")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of the generated events")
	fs.StringArrayVar(&f.failIf, "fail-if", nil, "exit with 10 if this holds at the end, such as 'blackout_p99>50ms' (repeatable)")
}

// Options checks what was typed; changed tells which flags were given. The error is that of the first flag
// that is wrong.
func (f *Flags) Options(targets []string, changed func(flag string) bool) (Options, error) {
	o := Options{
		Targets: targets, Kind: f.kind, Daemons: f.daemons, Durability: f.durability, Producers: f.producers,
		Moves: f.moves, Parallel: f.parallel, Rest: f.rest, Timeout: f.timeout, Seed: f.seed,
	}
	err := cmp.Or(f.checkKind(), f.readState(&o, changed), f.readPayload(&o), f.readRate(&o), f.checkCounts(), f.checkTimes(), f.readConditions(&o))
	return o, err
}

// checkKind: a kind of somebody's own program has no load here.
func (f *Flags) checkKind() error {
	if !slices.Contains(kinds.Names(), f.kind) {
		return usagef("--kind %q: no events can be made for it; there are %s", f.kind, strings.Join(kinds.Names(), ", "))
	}
	if f.durability != "" && !slices.Contains(levels(), f.durability) {
		return usagef("--durability %q is none of %s", f.durability, strings.Join(levels(), ", "))
	}
	return nil
}

// readState reads the size. A wordcount has no state but what the text makes of it.
func (f *Flags) readState(o *Options, changed func(string) bool) error {
	if f.kind == "wordcount" {
		if changed("state") {
			return usagef("--state is the size of a ledger or a kv; a wordcount grows by the text it is fed")
		}
		return nil
	}
	most := map[string]uint64{"ledger": kinds.MaxLedgerSize, "kv": kinds.MaxKVBytes / 2}[f.kind]
	size, err := humanize.ParseBytes(f.state)
	if err != nil {
		return usagef("--state %q is not a size; write 64MiB or 1GiB", f.state)
	}
	if size < minState || size > most {
		return usagef("--state %s of a %s is not between %s and %s", f.state, f.kind, humanize.IBytes(minState), humanize.IBytes(most))
	}
	o.State = size
	return nil
}

// Bounds of a payload: room for a command in front of it, and what every kind takes.
const (
	minPayload = 32
	maxPayload = 128 << 10
)

// readPayload: a transfer of a ledger is as long as its numbers.
func (f *Flags) readPayload(o *Options) error {
	if f.payload == "" {
		return nil
	}
	if f.kind == "ledger" {
		return usagef("--payload is the size of an event of a kv or wordcount; the transfers of a ledger are as long as their numbers")
	}
	size, err := humanize.ParseBytes(f.payload)
	if err != nil || size < minPayload || size > maxPayload {
		return usagef("--payload %q is not a size between %d and %d bytes", f.payload, minPayload, maxPayload)
	}
	o.Payload = int(size)
	return nil
}

// readRate: as fast as possible would measure the queue in front of the node.
func (f *Flags) readRate(o *Options) error {
	rate, unit, err := humanize.ParseSI(f.rate)
	if err != nil || unit != "" || math.IsNaN(rate) {
		return usagef("--rate %q is not a number of events per second; write 2000 or 20k", f.rate)
	}
	if rate <= 0 || rate > maxRate {
		return usagef("--rate %s is not above 0 and at most %s", f.rate, humanize.Comma(maxRate))
	}
	o.Rate = rate
	return nil
}

// checkCounts: no moves at all are allowed, for the figures at rest alone.
func (f *Flags) checkCounts() error {
	for _, c := range []struct {
		flag              string
		value, least, max int
	}{
		{"daemons", f.daemons, 1, maxDaemons}, {"producers", f.producers, 1, maxStreams},
		{"moves", f.moves, 0, maxMoves}, {"parallel", f.parallel, 1, maxDaemons},
	} {
		if c.value < c.least || c.value > c.max {
			return usagef("--%s %d is not between %d and %s", c.flag, c.value, c.least, humanize.Comma(int64(c.max)))
		}
	}
	if f.daemons*f.producers > maxStreams {
		return usagef("%d daemons with %d producers each are more than %d producers in all", f.daemons, f.producers, maxStreams)
	}
	return nil
}

// checkTimes: without any rest and any move there would be nothing to measure.
func (f *Flags) checkTimes() error {
	if f.rest < 0 || f.timeout <= 0 {
		return usagef("--timeout must be positive, --rest must not be negative")
	}
	if f.moves == 0 && f.rest == 0 {
		return usagef("--moves 0 and --rest 0 leave nothing to measure")
	}
	return nil
}

// readConditions reads every --fail-if before anything is started.
func (f *Flags) readConditions(o *Options) error {
	for _, text := range f.failIf {
		c, err := ParseCondition(text)
		if err != nil {
			return usagef("--fail-if %v", err)
		}
		if o.Moves == 0 && c.metric.moves {
			return usagef("--fail-if '%s': without moves there is no %s", text, c.metric.name)
		}
		o.Conditions = append(o.Conditions, c)
	}
	return nil
}

// levels are the names of the durability levels, the weakest first.
func levels() (names []string) {
	for d := wire.DurabilityMemory; d.Valid(); d++ {
		names = append(names, d.String())
	}
	return names
}

// usagef is the error of flags that are wrong. Nothing has been started then.
func usagef(format string, args ...any) error {
	return client.Problemf(client.CodeUsage, "usage", format, args...).Now("nothing was started").Then("peer bench --help")
}
