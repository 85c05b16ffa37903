package bench

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
)

// prefix begins the name of every run, and so of every daemon that one has started.
const prefix = "bench-"

// newRun draws the name of a run: its daemons are told by it from those of others.
func newRun() string { return prefix + strings.ToLower(rand.Text()[:6]) }

// daemonName is the name of a daemon of a run, counted from 0.
func daemonName(run string, i int) string { return run + "-" + strconv.Itoa(i+1) }

// ofRun reports whether a daemon of this name was started by the run.
func ofRun(name, run string) bool {
	number, found := strings.CutPrefix(name, run+"-")
	_, err := strconv.Atoi(number)
	return found && err == nil
}

// target says where daemons go in a round, counted from 1: to one after the other of n targets, counted from 0,
// and home in between, which is -1. So no target needs to know another.
func target(round, n int) int {
	if round%2 == 0 {
		return -1
	}
	return round / 2 % n
}

// fillValue is the size of a value that a kv is filled with: few events, and each well below what one may be.
const fillValue = 64 << 10

// filling are the events that give a new daemon its state: the opening of a ledger, puts for a kv. next returns nil
// after the last.
type filling struct {
	kind  string
	left  uint64 // bytes
	n     int    // events so far
	value []byte
}

func newFilling(o Options) *filling {
	return &filling{kind: o.Kind, left: o.State, value: bytes.Repeat([]byte("ferry"), fillValue/5+1)}
}

// next returns the next event. It is valid until the one after it.
func (f *filling) next() []byte {
	if f.left == 0 {
		return nil
	}
	size := min(f.left, fillValue)
	if f.kind == "ledger" {
		size = f.left
	}
	defer func() { f.left -= size; f.n++ }()
	if f.kind == "ledger" {
		return kinds.Opening(f.kind, f.left)
	}
	return append(fmt.Appendf(nil, "put fill-%d ", f.n), f.value[:size]...)
}

// payloads makes the events of one producer: those of the kind's load, or as large as asked for.
type payloads struct {
	load *kinds.Load
	kind string
	size int // 0 for what the load gives
	n    int
	text []byte
}

// sizedKeys is over how many keys events of a chosen size are spread, so that a kv does not grow without end.
const sizedKeys = 100

func newPayloads(o Options, seed uint64) (*payloads, error) {
	load, err := kinds.NewLoad(o.Kind, seed, o.State)
	if err != nil {
		return nil, err
	}
	p := &payloads{load: load, kind: o.Kind, size: o.Payload}
	if p.size > 0 && p.kind == "kv" {
		p.text = bytes.Repeat([]byte("ferry"), p.size/5+1)
	}
	return p, nil
}

// next returns an event that is the caller's own.
func (p *payloads) next() []byte {
	p.n++
	switch {
	case p.size == 0:
		return p.load.Next(nil)
	case p.kind == "kv":
		command := fmt.Appendf(make([]byte, 0, p.size), "put load-%02d ", p.n%sizedKeys)
		return append(command, p.text[:p.size-len(command)]...)
	}
	text := make([]byte, 0, p.size+256)
	for len(text) < p.size {
		text = p.load.Next(text)
	}
	return text[:p.size]
}
