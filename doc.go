// Package ferry is the root of the module; it holds no code of its own. See README.md for what ferry is,
// docs/protocol.md for the rules it keeps, docs/design.md for why it is built this way, and package peer for
// what a program embeds.
//
// The packages, from the leaf up:
//
//	codec         append to encode, a cursor with a sticky error to decode
//	crypto        keys, links, events, heads, handovers, passports
//	wire          frames and messages, phases, reasons, errors
//	daemon        the Daemon interface, its Host, snapshots, the Registry
//	source        the giving side of a migration, a pure state machine
//	target        the receiving side: the ordered Buffer, the Handler, and its machine
//	orchestrator  the asking side, a pure state machine
//	subproto      versions, who may send what, where a frame goes
//	journal       one log per node, on disk: what it holds, has promised and has handed over
//	directory     who holds which daemon, decided by compare-and-set
//	node          the core of one peer as a value: Step(now, input) → effects
//	transport     QUIC, and its in-memory twin
//	peer          goroutines, network and clock around the core
//	sim           whole clusters of the shipping core in one goroutine, from a seed
//	fuzz          a target for every decoder and every state machine
//	cmd/peer      the program
package ferry
