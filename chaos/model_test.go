package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// written is an operation as a test puts it down.
type written struct {
	call, ret       int64
	command, output string
}

// past makes a history of them; a return of 0 is no return.
func past(list ...written) (ops []operation) {
	for i, w := range list {
		op := operation{Producer: crypto.ProducerID{byte(i)}, Seq: 1, Call: w.call, Return: w.ret, Command: w.command, Output: w.output}
		if w.ret == 0 {
			op.Return = unknown
		}
		op.NoOutput = w.output == "" && w.ret != 0
		ops = append(ops, op)
	}
	return ops
}

// TestBadHistoriesAreRejected: each of these is what a daemon would say that was lost, forked, or replayed.
func TestBadHistoriesAreRejected(t *testing.T) {
	for what, ops := range map[string][]operation{
		"an acknowledged write is lost": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 4, "get k", "absent"}),
		"an old value comes back": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 4, "put k b", "ok 2"}, written{5, 6, "get k", "value 1 a"}),
		"two readers disagree on the order": past(
			written{1, 0, "put k a", ""}, written{1, 0, "put k b", ""},
			written{3, 4, "get k", "value 1 a"}, written{5, 6, "get k", "value 2 b"},
			written{7, 8, "get k", "value 1 a"}),
		"a value from before its write": past(
			written{1, 2, "get k", "value 1 a"}, written{3, 4, "put k a", "ok 1"}),
		"a value that nobody wrote": past(
			written{1, 2, "get k", "value 1 a"}),
		"two writers win one swap": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 6, "cas k 1 b", "ok 2"}, written{4, 7, "cas k 1 c", "ok 3"}),
		"a swap is refused that had to succeed": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 4, "cas k 1 b", "refused: version 0, not 1"}),
		"a silent swap cannot have happened": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 0, "cas k 7 b", ""}, written{5, 6, "get k", "value 9 b"}),
		"a value under another version": past(
			written{1, 2, "put k a", "ok 1"}, written{3, 4, "get k", "value 2 a"}),
		"an answer that is none": past(
			written{1, 2, "put k a", "fine"}),
		"one key is right and the other is not": past(
			written{1, 2, "put k a", "ok 1"}, written{1, 2, "put l b", "ok 2"}, written{3, 4, "get k", "value 1 a"}, written{3, 4, "get l", "absent"}),
	} {
		if err := linearizable(ops); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestGoodHistoriesAreAccepted, with all that is not known about them.
func TestGoodHistoriesAreAccepted(t *testing.T) {
	for what, ops := range map[string][]operation{
		"nothing": nil,
		"writes at the same time, in either order": past(
			written{1, 9, "put k a", "ok 2"}, written{2, 8, "put k b", "ok 1"}, written{10, 11, "get k", "value 2 a"}),
		"a silent write that took effect late": past(
			written{1, 0, "put k a", ""}, written{2, 3, "get k", "absent"}, written{4, 5, "get k", "value 3 a"}),
		"a silent write that never did": past(
			written{1, 0, "put k a", ""}, written{2, 3, "get k", "absent"}),
		"a repeat without its output": past(
			written{1, 4, "put k a", ""}, written{5, 6, "cas k 2 b", "ok 3"}, written{7, 8, "get k", "value 3 b"}),
		"a silent swap over a silent write": past(
			written{1, 0, "put k a", ""}, written{2, 0, "cas k 5 b", ""}, written{3, 4, "get k", "value 5 a"},
			written{5, 6, "get k", "value 6 b"}),
		"a refusal that tells a version": past(
			written{1, 0, "put k a", ""}, written{2, 3, "cas k 9 b", "refused: version 4, not 9"}, written{4, 5, "cas k 4 c", "ok 6"}),
		"a silent read": past(written{1, 0, "get k", ""}),
	} {
		if err := linearizable(ops); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// made is a history as a correct daemon would give it: operations take effect at a random moment between call
// and return, some receipts get lost, some events with them.
func made(rng *rand.Rand, n int) (ops []operation) {
	type cell struct {
		value   string
		version uint64
	}
	store := make(map[string]cell)
	for i := range n {
		at := int64(i+1) * 100
		key := fmt.Sprintf("k%d", rng.IntN(3))
		was, version := store[key], uint64(i+1)
		op := operation{Seq: uint64(i), Call: at - rng.Int64N(250), Return: at + 1 + rng.Int64N(250), Command: "get " + key}
		lost := rng.IntN(30) == 0
		switch rng.IntN(3) {
		case 0:
			op.Output = "absent"
			if was.version != 0 {
				op.Output = fmt.Sprintf("value %d %s", was.version, was.value)
			}
		case 1:
			op.Command, op.Output = fmt.Sprintf("put %s v%d", key, i), fmt.Sprintf("ok %d", version)
			if !lost {
				store[key] = cell{fmt.Sprintf("v%d", i), version}
			}
		default:
			expected := was.version + uint64(rng.IntN(2))
			op.Command = fmt.Sprintf("cas %s %d v%d", key, expected, i)
			op.Output = fmt.Sprintf("refused: version %d, not %d", was.version, expected)
			if expected == was.version {
				op.Output = fmt.Sprintf("ok %d", version)
				if !lost {
					store[key] = cell{fmt.Sprintf("v%d", i), version}
				}
			}
		}
		if lost || rng.IntN(20) == 0 {
			op.Return, op.Output = unknown, ""
		}
		ops = append(ops, op)
	}
	return ops
}

// TestModelAgainstARealRegister: histories of a correct register pass, and fail once a read of them says
// something else.
func TestModelAgainstARealRegister(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		ops := made(rng, 300)
		if err := linearizable(ops); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		for i := len(ops) - 1; i >= 0; i-- {
			if strings.HasPrefix(ops[i].Output, "value ") {
				ops[i].Output += "x"
				break
			}
		}
		if err := linearizable(ops); err == nil {
			t.Fatalf("seed %d, round %d: a value that nobody wrote is accepted", seed, round)
		}
	}
}
