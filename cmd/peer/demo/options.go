package demo

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/wire"
)

// options say what to show. They come from flags and are checked before anything starts.
type options struct {
	kind  string
	state uint64  // bytes of a ledger; 0 for the other kinds
	rate  float64 // events per second; 0 is as fast as they are acknowledged
	moves int
	input string // a file or a directory; "" for generated events
	keep  bool
	json  bool
	seed  uint64 // of generated events
	// durability is what the nodes promise with an acknowledgment.
	durability wire.Durability
}

// flags are the options as they are typed.
type flags struct {
	kind, state, rate, input string
	durability               string
	moves                    int
	keep, json               bool // json is a flag of all commands, and is not added here
	seed                     uint64
}

// The defaults make a run of well under half a minute.
const (
	defaultKind  = "ledger"
	defaultState = "64MiB"
	defaultRate  = "2000"
	defaultMoves = 3
	// defaultDurability is that of peer serve.
	defaultDurability = wire.DurabilityEveryEvent
)

// Bounds of what can be asked for.
const (
	maxMoves = 10_000
	maxRate  = 10_000_000
	// minState keeps the copy long enough that its half can be seen and held.
	minState = 1 << 20
)

// add defines the flags.
func (f *flags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.kind, "kind", defaultKind, "what to move: "+strings.Join(kinds.Names(), ", "))
	fs.StringVar(&f.state, "state", defaultState, "size of the ledger's state, such as 64MiB or 1GiB")
	fs.StringVar(&f.rate, "rate", defaultRate, "events per second, such as 500 or 20k; 0 is as fast as they are acknowledged (the default with --input)")
	fs.StringVar(&f.durability, "durability", defaultDurability.String(), "what an acknowledgment promises: memory, handover, every-event, both")
	fs.IntVar(&f.moves, "moves", defaultMoves, "how often the daemon moves, round and round the three nodes")
	fs.StringVar(&f.input, "input", "", "a file, or a directory of files, that a wordcount is fed line by line")
	fs.BoolVar(&f.keep, "keep", false, "leave the nodes up until Ctrl-C and print commands to try on them")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of the generated events")
}

// options checks what was typed; changed tells which flags were given. The error is that of the first flag
// that is wrong.
func (f *flags) options(changed func(flag string) bool) (options, error) {
	o := options{kind: f.kind, moves: f.moves, input: f.input, keep: f.keep, json: f.json, seed: f.seed}
	err := cmp.Or(f.checkKind(changed), f.readState(&o, changed), f.readRate(&o, changed), f.readDurability(&o), f.checkMoves())
	return o, err
}

// checkKind checks what depends on the kind alone.
func (f *flags) checkKind(changed func(string) bool) error {
	switch {
	case !slices.Contains(kinds.Names(), f.kind):
		return usagef("--kind %q is unknown; there are %s", f.kind, strings.Join(kinds.Names(), ", "))
	case f.input != "" && f.kind != "wordcount":
		return usagef("--input is text for a wordcount; add --kind wordcount")
	case f.input == "" && changed("input"):
		return usagef("--input is empty; name a file or a directory")
	case f.input != "" && changed("seed"):
		return usagef("--seed is for generated events; leave it out with --input")
	}
	return nil
}

// readState reads the size. Only a ledger is born with one.
func (f *flags) readState(o *options, changed func(string) bool) error {
	if f.kind != "ledger" {
		if changed("state") {
			return usagef("--state is the size of a ledger; a %s grows by itself", f.kind)
		}
		return nil
	}
	size, err := humanize.ParseBytes(f.state)
	if err != nil {
		return usagef("--state %q is not a size; write 64MiB or 1GiB", f.state)
	}
	if size < minState || size > kinds.MaxLedgerSize {
		return usagef("--state %s is not between %s and %s", f.state, humanize.IBytes(minState), humanize.IBytes(kinds.MaxLedgerSize))
	}
	o.state = size
	return nil
}

// readRate reads the rate. A text is read as fast as possible unless a rate was asked for.
func (f *flags) readRate(o *options, changed func(string) bool) error {
	if f.input != "" && !changed("rate") {
		return nil
	}
	rate, unit, err := humanize.ParseSI(f.rate)
	if err != nil || unit != "" || math.IsNaN(rate) {
		return usagef("--rate %q is not a number of events per second; write 2000 or 20k", f.rate)
	}
	if rate < 0 || rate > maxRate {
		return usagef("--rate %s is not between 0 and %s", f.rate, humanize.Comma(maxRate))
	}
	o.rate = rate
	return nil
}

// readDurability reads the level.
func (f *flags) readDurability(o *options) (err error) {
	if o.durability, err = wire.ParseDurability(f.durability); err != nil {
		return usagef("--durability %q is none of memory, handover, every-event, both", f.durability)
	}
	return nil
}

// checkMoves: without a move there would be nothing to show.
func (f *flags) checkMoves() error {
	if f.moves < 1 || f.moves > maxMoves {
		return usagef("--moves %d is not between 1 and %s", f.moves, humanize.Comma(maxMoves))
	}
	return nil
}

// usagef is the error of flags that are wrong. Nothing has been started then.
func usagef(format string, args ...any) error {
	return client.Problemf(client.CodeUsage, "usage", format, args...).Then("peer demo --help")
}
