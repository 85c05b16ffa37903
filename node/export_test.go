package node

// Sizes returns how much a core remembers, by table.
func (c *Core) Sizes() map[string]int {
	waiting := 0
	for _, s := range c.sessions {
		waiting += len(s.waiting) + len(s.early)
	}
	unanswered := 0
	for _, cl := range c.clients {
		unanswered += cl.count + len(cl.requests)
	}
	return map[string]int{
		"sources": len(c.sources), "targets": len(c.targets), "orchestrators": len(c.orchestrators),
		"arriving": len(c.arriving), "incoming": len(c.incoming), "settling": len(c.settling), "sleeping": len(c.sleeping),
		"ended": len(c.ended), "refusals": len(c.refusals), "refused": len(c.refused),
		"unanswered": unanswered, "routes": len(c.routes), "waiting": waiting, "clients": len(c.clients),
		"timers": len(c.timers), "inbox": len(c.inbox), "changes": len(c.inStep) + len(c.touched),
		"tombstones": len(c.tombstones), "freezes": len(c.freezes), "serving": len(c.serving),
	}
}
