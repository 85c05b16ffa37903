// Package node is the core of one peer as a value: sessions, all roles of all migrations, clients, retries
// and timers, without a socket, a clock, a goroutine or a log line.
//
// [Core.Step] takes the time and one [Input] and returns [Effects]. The shell around it (package peer, or a
// simulator) owns the network, the daemons' queues and the clock; it carries the effects out in the order
// of their fields and feeds what happens back in. Two shells that feed the same inputs at the same times
// see the same effects, byte for byte.
//
// # Calls and durability
//
// Everything that touches a daemon or must be durable is a [Call]. The shell runs the calls of one daemon
// one after the other and reports [Done] only when what the result asserts is durable at the daemon's
// durability level. The core sends nothing that rests on a call before it has seen its Done, so that what
// a message asserts is on disk before the message is on the wire. [Executor] runs calls against the registry and the
// target handler and is shared by all shells.
//
// # One path
//
// A message to this very node is delivered like any other, through the same sender check, in the same step.
// There is no local shortcut: a daemon's own node, a client on the same node and a third-party orchestrator
// all take the path that a remote peer takes.
package node
