// Package kinds holds the daemons that come with the program: three small state machines, each
// useful by itself, each with an invariant that a lost, repeated or altered event would break.
//
//	kind       what it does                           its invariant
//	kv         keys and values, compare-and-swap      counters and content digest equal a recount
//	ledger     transfers between numbered accounts    the sum of all accounts never changes
//	wordcount  counts text as wc does                 however the text is cut, the same counts
//
// Register makes them known to a node; Names and Help tell a command line about them; Load makes
// traffic for them.
//
// # Payloads and outputs
//
// The payloads of kv and ledger are one command, words separated by single spaces, numbers in
// decimal without leading zeros. A payload that is no command is an error of Process matching
// ErrPayload: not applied, nothing changed. A command that cannot be carried out is applied, as
// an event of the log that changes nothing, and its output begins "refused: ".
//
//	ledger                       output
//	open SIZE [BALANCE]          opened N accounts of BALANCE
//	transfer FROM TO AMOUNT      moved AMOUNT: FROM=balance TO=balance
//
// A ledger is opened once, by an event like any other, so its log alone rebuilds it. SIZE is the
// size of its state in bytes, or with KiB, MiB or GiB: 64 bytes to an account, 16 GiB at most.
// Every account begins with BALANCE (default 1000) and 32 bytes drawn from its number, and the
// memory is in use from then on; the opening takes about 0.6 s per GiB. AMOUNT is at least 1.
//
//	kv                           output
//	put KEY VALUE                ok VERSION
//	get KEY                      value VERSION VALUE, or absent
//	delete KEY                   ok, or absent
//	incr KEY [N]                 ok VERSION NUMBER
//	cas KEY VERSION VALUE        ok VERSION; refused unless the key is at VERSION, 0 for absent
//
// A KEY is 1 to 256 bytes without spaces and control characters, a VALUE everything after the
// space, at most 128 KiB. The VERSION of a key is the log sequence of the event that wrote it.
//
// The payload of a wordcount is text, any bytes: a line, part of one, or many. There is no
// output. A word is a run of bytes without 0x09–0x0D and 0x20 that has at least one byte
// 0x21–0x7E; a newline counts as a line. Those are the rules of wc in the C locale.
//
// # Snapshots
//
// Snapshot takes 1 to 120 µs for any size of state, and Process goes on while a view is
// written. The views know their length. The bytes are canonical: equal states give equal bytes.
// All three begin with a magic and the audit and end with a checksum (see seal.go for the
// common frame, ledgerstate.go, kvstate.go, wordstate.go and topbytes.go for each kind's part).
// Restore accepts what a view wrote and nothing else, checks the invariant, and allocates only
// for bytes that have arrived. A ledger's accounts lie outside of the Go heap; Ledger.Close
// gives them back at once.
//
// # Audit
//
// Every kind records what its Process applied, per producer: see Audit. Inspect with the query
// "audit" and a producer's id returns the Report, and Compare holds that against the AuditTrail
// of the producer. Because the record is part of the state, it is as old as the daemon, however
// often that has moved.
package kinds
