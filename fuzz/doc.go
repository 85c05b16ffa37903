// Package fuzz holds the fuzz targets of every place where bytes arrive from
// outside: codec, proofs and key files, frames, streams and handshakes, snapshots,
// the files of journals and directories. They use exported names only, so that
// a target cannot depend on how a parser works inside.
//
// Each target states laws instead of results. The common one: whatever
// a decoder accepts encodes to the bytes it was read from. Text that people edit has the weaker one: what
// is read, written anew and read again is the same. Errors must be among the
// documented ones, and forged proofs must not verify. Parts with state are run
// as scripts of operations against a naive twin.
//
// Seeds are built by the encoders, in code. Inputs that once failed, and some that
// get far into a script, are kept in testdata/fuzz, where an ordinary test run
// replays them:
//
//	go test ./fuzz                                    # seeds and saved inputs
//	go test ./fuzz -fuzz '^FuzzEvent$' -fuzztime 60s  # search
//
// What the long runs of make fuzz have found to reach new code is kept there too. Ten minutes on
// one processor each, without a finding, in inputs: FuzzHandover 2.7 million, FuzzMessage 2.5, FuzzPassport 2.4, FuzzFrame 2.1,
// FuzzBuffer 2.0, FuzzJournal 0.77, FuzzSnapshot 0.47, FuzzCore 0.41, FuzzHandshake 44,000.
//
// Large seeds want -fuzzminimizetime 1s as well: by default one interesting
// input may be minimized for a whole minute, in which nothing new is tried.
package fuzz
