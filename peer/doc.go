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
// This package keeps daemons in memory: a node that dies loses them, and only its boot counter, kept in
// Config.DataDir, survives: durability memory, in the words of docs/protocol.md §7.1.
package peer
