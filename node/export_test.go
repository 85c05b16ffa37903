package node

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// CheckWindows returns what is wrong with the windows of the clients.
func (c *Core) CheckWindows() error {
	out, line := map[*window]int{}, map[*window]int{}
	for key, cl := range c.clients {
		switch w := cl.window; {
		case w == nil && (cl.place != nil || cl.out != 0 || cl.asked && cl.holder != c.cfg.Node):
			return fmt.Errorf("%v has %d bytes out, in no window", key, cl.out)
		case w == nil:
		case w != &c.peers[cl.holder].window || c.ready(cl.holder) == nil:
			return fmt.Errorf("%v counts at another peer than its holder, or at one without a session", key)
		case cl.asked == (cl.place != nil) || cl.asked != (cl.out > 0) || cl.count == 0 && cl.place != nil:
			return fmt.Errorf("%v has asked: %v, has %d bytes out, waits: %v, with %d items", key, cl.asked, cl.out, cl.place != nil, cl.count)
		case cl.place != nil:
			line[w]++
		default:
			out[w] += cl.out
		}
	}
	for id, p := range c.peers {
		w := &p.window
		if w.bytes != out[w] || w.line.Len() != line[w] || w.line.Len() > 0 && !w.full() || w.bytes > windowFull+wire.MaxBatchBytes {
			return fmt.Errorf("peer %v: %d bytes are out, counted are %d; %d in line, of %d clients", id, out[w], w.bytes, w.line.Len(), line[w])
		}
	}
	return nil
}

// Sizes returns how much a core remembers, by table.
func (c *Core) Sizes() map[string]int {
	waiting, asked := 0, 0
	for _, s := range c.sessions {
		waiting += len(s.waiting) + len(s.early)
		asked += len(s.asked)
	}
	unanswered := 0
	for _, cl := range c.clients {
		unanswered += cl.count + len(cl.requests)
	}
	out := 0
	for _, p := range c.peers {
		out += p.window.bytes + p.window.line.Len()
	}
	return map[string]int{
		"sources": len(c.sources), "targets": len(c.targets), "orchestrators": len(c.orchestrators),
		"arriving": len(c.arriving), "incoming": len(c.incoming), "settling": len(c.settling), "sleeping": len(c.sleeping),
		"ended": len(c.ended), "refusals": len(c.refusals), "refused": len(c.refused),
		"unanswered": unanswered, "asked": asked, "out": out, "routes": len(c.routes), "waiting": waiting, "clients": len(c.clients),
		"timers": len(c.timers), "inbox": len(c.inbox), "changes": len(c.inStep) + len(c.touched),
		"tombstones": len(c.tombstones), "freezes": len(c.freezes), "questions": len(c.questions),
	}
}
