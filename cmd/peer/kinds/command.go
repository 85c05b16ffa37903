package kinds

import (
	"bytes"
	"fmt"
	"math"
)

// cutWord splits a command at its first space. A command without one is a single word.
func cutWord(b []byte) (word, rest []byte, more bool) { return bytes.Cut(b, []byte{' '}) }

// parseUint reads an unsigned decimal number in its only form: digits, no sign, no leading zero.
func parseUint(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 || (b[0] == '0' && len(b) > 1) {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = 10*n + d
	}
	return n, true
}

// parseSize reads a number of bytes: a number, or a number and KiB, MiB or GiB.
func parseSize(b []byte) (uint64, bool) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if digits, found := bytes.CutSuffix(b, []byte(unit)); found {
			b, shift = digits, 10*(i+1)
		}
	}
	n, ok := parseUint(b)
	return n << shift, ok && n <= math.MaxUint64>>shift
}

// malformed is the error for a payload that is no command of its kind.
func malformed(kind, expected string, payload []byte) error {
	shown, cut := payload, ""
	if len(shown) > 40 {
		shown, cut = shown[:40], "..."
	}
	return fmt.Errorf("%w: %s: %q%s: expected %s", ErrPayload, kind, shown, cut, expected)
}

// text is the output of an applied event: one item.
func text(format string, args ...any) [][]byte { return [][]byte{fmt.Appendf(nil, format, args...)} }

// refused is the output of an event that was applied by changing nothing.
func refused(format string, args ...any) [][]byte { return text("refused: "+format, args...) }
