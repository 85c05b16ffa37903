package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// Output is where a run is told: results to Out, how it goes to Notes. With JSON how it goes is part of the
// results, a line of the type "move" for each.
type Output struct {
	Out, Notes io.Writer
	JSON       bool
}

// show tells how a run goes. Its methods are safe for concurrent use.
type show struct {
	Output
	mu   sync.Mutex
	told bool // the headline has been written
}

// moveLine is a move as a line of JSON.
type moveLine struct {
	Type  string `json:"type"`
	Round int    `json:"round"`
	client.Migration
}

// note writes a line for people.
func (s *show) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.JSON {
		fmt.Fprintf(s.Notes, format+"\n", args...)
	}
}

// headline says what is about to happen, once a first daemon says what its durability is.
func (s *show) headline(b *bench) {
	if s.told {
		return
	}
	s.told = true
	o, size := b.o, ""
	if o.State > 0 {
		size = " of " + humanize.IBytes(o.State)
	}
	s.note("%s: %s%s, durability %s, at %s; %s each, to %s and back; %s each, %s events/s in all", b.run, count(o.Daemons, o.Kind), size,
		b.subjects[0].daemon.Durability, b.home.Label(), count(o.Moves, "move"), strings.Join(b.targetNames(), ", "), count(o.Producers, "producer"), rate(o.Rate))
}

// spawned says how long the start took.
func (s *show) spawned(b *bench, took time.Duration) {
	s.note(" started   %s in %s", count(b.o.Daemons, "daemon"), span(took))
}

// moved tells a program of one move. One that does not listen any more does not need the rest of them either.
func (s *show) moved(n int, m client.Migration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.JSON {
		return nil
	}
	return json.NewEncoder(s.Out).Encode(moveLine{"move", n, m})
}

// round tells people of one round. There may be thousands; then every hundredth part is enough.
func (s *show) round(b *bench, n, to int, took time.Duration) {
	step := max(1, b.o.Moves/100)
	if n%step != 0 && n != b.o.Moves {
		return
	}
	s.note(" round %*d  of %d, to %s in %s, slowest blackout so far %s", len(fmt.Sprint(b.o.Moves)), n, b.o.Moves, b.place(to).Label(), span(took), span(b.figures.slowest()))
}
