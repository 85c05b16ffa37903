package kinds

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Load yields payloads for a kind, for demonstrations and measurements: the same kind, seed and
// size give the same payloads on every machine. It is not safe for concurrent use.
type Load struct {
	next func(dst []byte) []byte
	rng  *rand.Rand
	size uint64 // accounts of a ledger
}

// loadKeys is how many keys, and as many counters, a load for a kv works on.
const loadKeys = 10_000

// NewLoad returns a load. For a ledger, size is the size it was opened with (see Opening); the
// other kinds do not need one. The opening itself is not part of the load.
func NewLoad(name string, seed, size uint64) (*Load, error) {
	l := &Load{rng: rand.New(rand.NewPCG(seed, 0))}
	switch name {
	case "kv":
		l.next = l.kv
	case "ledger":
		if size < minimumSize || size > MaxLedgerSize {
			return nil, fmt.Errorf("kinds: a ledger has %d to %d bytes, not %d", minimumSize, MaxLedgerSize, size)
		}
		l.next, l.size = l.ledger, (size+accountSize-1)/accountSize
	case "wordcount":
		l.next = l.wordcount
	default:
		return nil, fmt.Errorf("kinds: no load for kind %q", name)
	}
	return l, nil
}

// Next appends the next payload to dst.
func (l *Load) Next(dst []byte) []byte { return l.next(dst) }

// kv mixes writes, reads, counters and deletions. None is refused.
func (l *Load) kv(dst []byte) []byte {
	n, name := l.rng.Uint64N(100), l.rng.Uint64N(loadKeys)
	switch {
	case n < 40:
		dst = strconv.AppendUint(append(dst, "put key-"...), name, 10)
		dst = strconv.AppendUint(append(dst, " value-"...), l.rng.Uint64(), 16)
	case n < 70:
		dst = strconv.AppendUint(append(dst, "incr counter-"...), name, 10)
		dst = strconv.AppendUint(append(dst, ' '), 1+l.rng.Uint64N(9), 10)
	case n < 95:
		dst = strconv.AppendUint(append(dst, "get key-"...), name, 10)
	default:
		dst = strconv.AppendUint(append(dst, "delete key-"...), name, 10)
	}
	return dst
}

// ledger moves 1 to 100 between two different accounts. In a long run a few are refused for
// want of funds, which is part of what is exercised.
func (l *Load) ledger(dst []byte) []byte {
	from := l.rng.Uint64N(l.size)
	to := (from + 1 + l.rng.Uint64N(l.size-1)) % l.size
	return transferPayload(dst, from, to, 1+l.rng.Uint64N(100))
}

// transferPayload appends the command for a transfer.
func transferPayload(dst []byte, from, to, amount uint64) []byte {
	dst = strconv.AppendUint(append(dst, "transfer "...), from, 10)
	dst = strconv.AppendUint(append(dst, ' '), to, 10)
	return strconv.AppendUint(append(dst, ' '), amount, 10)
}

// openPayload returns the command that opens a ledger of size bytes.
func openPayload(size uint64) []byte { return strconv.AppendUint([]byte("open "), size, 10) }

// syllables make up the words of a wordcount's load.
var syllables = [...]string{"ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "sha"}

// wordcount writes a line of 4 to 12 words. The least of two draws decides, so that some words
// are much more frequent than others.
func (l *Load) wordcount(dst []byte) []byte {
	for left := 4 + l.rng.Uint64N(9); left > 0; left-- {
		word := 1 + min(l.rng.Uint64N(4096), l.rng.Uint64N(4096))
		for ; word > 0; word /= 16 {
			dst = append(dst, syllables[word%16]...)
		}
		dst = append(dst, " "...)
	}
	dst[len(dst)-1] = '\n'
	return dst
}
