// Package client talks to a running node over its admin socket: JSON over HTTP/1.1 on a unix socket that
// only the owner of the node can open. It holds the types of that conversation, which package admin, the
// other end, uses as well.
//
//	c := client.Dial("/home/ferry/.local/state/ferry/admin.sock")
//	d, err := c.Spawn(ctx, "ledger", "lobby-7")
//	r, err := c.Submit(ctx, "lobby-7", "", 0, []byte("open 64MiB"))
//	m, err := c.Migrate(ctx, client.MigrateRequest{Daemon: "lobby-7", Target: "edge-b"})
//	m, err = c.Watch(ctx, m.ID, func(m client.Migration) { … })
//
// # Names
//
// Wherever a daemon, a node or a migration is expected, its name, its full id, or a prefix of one of them
// that fits nothing else will do. A prefix that fits more is an error that lists what it fits. To stop a daemon, to
// submit to it and to move it, it and the nodes are named in full, or by the first 8 digits of an id at least.
//
// # Errors
//
// Every failure is a [*Problem]: what went wrong, how the daemon is left, and the command to type
// next. Its Code is the exit code of the peer command.
//
// # JSON
//
// Ids are strings, times are RFC 3339, durations end in _ns, bytes are base64. A stream is one JSON object
// per line. Unknown members are to be ignored; members are added, never given another meaning.
package client
