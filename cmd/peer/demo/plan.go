package demo

import (
	"math"
	"math/bits"
)

// step is one thing that the script does with the daemon.
type step struct {
	from, to int  // nodes, by their numbers
	kill     bool // the target is killed in the middle of the copy, and the daemon stays at from
}

// plan returns the steps of a run: the moves, cyclic over the nodes, and one attempt that is cut short. It
// comes before the second move, or before the only one.
func plan(moves, nodes int) []step {
	var steps []step
	for i := range moves {
		move := step{from: i % nodes, to: (i + 1) % nodes}
		if i == min(1, moves-1) {
			steps = append(steps, step{from: move.from, to: move.to, kill: true})
		}
		steps = append(steps, move)
	}
	return steps
}

// unlimited is a byte position behind every input.
const unlimited = math.MaxInt64

// spread returns where in an input of total bytes each of n steps begins: they divide it into n+1 parts of
// the same size. One more position, unlimited, follows the last step's.
func spread(total int64, n int) []int64 {
	at := make([]int64, n, n+1)
	for i := range at {
		hi, lo := bits.Mul64(uint64(total), uint64(i+1))
		part, _ := bits.Div64(hi, lo, uint64(n+1))
		at[i] = int64(part)
	}
	return append(at, unlimited)
}
