// Package peer runs a ferry node: it wraps the pure core of package node in goroutines, a network and a
// clock, and is what a Go program embeds.
//
//	p, err := peer.New(peer.Config{Key: key, Listen: ":7777", Authorize: peer.AllowOnly(rights)})
//	err = p.RegisterKind("counter", func() daemon.Daemon { return new(Counter) })
//	d, err := p.Spawn(ctx, "counter", peer.SpawnOptions{Name: "visits"})
//	r, err := p.Submit(ctx, d.Origin, []byte("+1"))     // wherever the daemon is
//	m, err := p.Migrate(ctx, peer.MigrateRequest{Origin: d.Origin, Target: other})
//	out, err := m.Wait(ctx)                             // moved, stayed or in doubt
//
// # Goroutines
//
// One goroutine owns the core and obeys its effects. Each daemon that has something to do has one goroutine
// working off its queue, and none when it is idle. Each running snapshot stream has one. The network has its
// own. [Peer.Close] ends them all and waits.
//
// # Durability
//
// A daemon's durability (docs/protocol.md §7.1) says what its acknowledgments promise. Above memory it is kept in
// the journal in Config.DataDir, and a node that is started again brings it back as soon as its kind is
// registered. Results of calls on a daemon are held back until what they assert is on disk; while one sync runs,
// the next results gather behind it. A full disk stops acknowledgments until there is room; a sync that fails
// ends the process.
package peer
