package node

import (
	"time"

	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// endedEntry is an ended migration that still answers repeats.
type endedEntry struct {
	id   wire.MigrationID
	role subproto.Role
	at   time.Time
}

// remember keeps an ended migration for a while; the oldest go first.
func (c *Core) remember(id wire.MigrationID, role subproto.Role) {
	c.ended = append(c.ended, endedEntry{id: id, role: role, at: c.now})
	for len(c.ended) > maxEnded {
		c.forgetEnded()
	}
	c.alarmEnded()
}

// alarmEnded asks to be woken for the oldest.
func (c *Core) alarmEnded() {
	if len(c.ended) > 0 {
		c.set(&c.endedAlarm, c.ended[0].at.Add(endedLife), timer{kind: timerEnded})
	}
}

func (c *Core) expireEnded() {
	for len(c.ended) > 0 && c.now.Sub(c.ended[0].at) >= endedLife {
		c.forgetEnded()
	}
	c.alarmEnded()
}

func (c *Core) forgetEnded() {
	old := c.ended[0]
	c.ended = c.ended[1:]
	switch old.role {
	case subproto.Source:
		if e := c.sources[old.id]; e != nil && e.ended {
			delete(c.sources, old.id)
		}
	case subproto.Target:
		if e := c.targets[old.id]; e != nil && e.ended {
			delete(c.targets, old.id)
		}
	case subproto.Orchestrator:
		if e := c.orchestrators[old.id]; e != nil && e.ended {
			delete(c.orchestrators, old.id)
		}
	}
}
