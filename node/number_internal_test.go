package node

import (
	"testing"
	"time"
)

// TestFirstNumbersLeaveRoom: a life that submits for long, at millions a second, does not use the numbers of the next one, under which other
// submissions would be taken for its own (P2).
func TestFirstNumbersLeaveRoom(t *testing.T) {
	const inOneLife = 1 << 39 // two days at three million a second
	for _, boot := range []uint64{1, 2, 1000, 1 << 22, 1<<23 - 1} {
		if next, first := firstNumber(boot+1), firstNumber(boot); next < first+inOneLife || first == 0 {
			t.Errorf("life %d begins with %d, the next with %d", boot, first, next)
		}
	}
	clock := uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	if first := firstNumber(clock); first != clock {
		t.Errorf("a life counted by the clock begins with %d at %d", first, clock)
	}
}
