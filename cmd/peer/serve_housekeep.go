package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// Both are for people and memory, and nothing of the protocol depends on them.
const (
	// housekeepEvery is how soon an edit of the file of authorized peers counts for peers that are
	// connected. Whoever connects is looked up anyway.
	housekeepEvery = 2 * time.Second
	// giveBackEvery keeps a node that daemons pass through from collecting without end.
	giveBackEvery = 10 * time.Second
)

// housekeep does what nobody asks for, and what a hangup asks for, until the node closes.
func (s *server) housekeep(ctx context.Context, hangups <-chan os.Signal) {
	tick := time.NewTicker(housekeepEvery)
	defer tick.Stop()
	var m memoryKeeper
	for {
		select {
		case <-tick.C:
			if s.authorized.Err() == nil { // a file that cannot be read takes nothing from anybody
				_ = s.peer.Reauthorize(ctx) // fails only when the node is closing
			}
			m.look(s.serving(ctx))
		case <-hangups:
			s.reload(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// reload reads the authorized peers again because somebody has asked for it, who is told what came of it.
func (s *server) reload(ctx context.Context) {
	err := s.authorized.Err()
	if err == nil {
		err = s.peer.Reauthorize(ctx)
	}
	if err != nil {
		s.log.Error().Err(err).Str("file", s.authorizedPath).Msg("SIGHUP: the authorized peers cannot be read again; nobody new is let in until that is repaired")
		return
	}
	s.log.Info().Str("file", s.authorizedPath).Msg("SIGHUP: the authorized peers were read again")
}

// serving is how many daemons are here; none if the node is closing.
func (s *server) serving(ctx context.Context) int {
	n, err := s.peer.Serving(ctx)
	if err != nil {
		return 0
	}
	return n
}

// memoryKeeper gives memory back to the system after a daemon has left. The collector by itself would not:
// a node that has just given away a gigabyte allocates next to nothing, and so has no reason to run.
type memoryKeeper struct {
	had int
	at  time.Time // of the last time it gave something back
	due bool
}

// look is given how many daemons are here. One that came while another left goes unnoticed, and needs the
// memory anyway.
func (m *memoryKeeper) look(have int) {
	m.due = m.due || have < m.had
	m.had = have
	if m.due && time.Since(m.at) >= giveBackEvery {
		debug.FreeOSMemory()
		m.due, m.at = false, time.Now()
	}
}
