package wire

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// Durability is what an acknowledgment of a daemon promises about disks. It is chosen at birth and travels
// with the daemon (protocol.md §7.1). The numbers are sent and stored: frozen.
type Durability uint8

// The levels. Each promises what the one before it does, and more.
const (
	DurabilityMemory     Durability = 0 // nothing is on disk: the daemon dies with its node
	DurabilityHandover   Durability = 1 // who holds the daemon is on disk, and its log with a little delay
	DurabilityEveryEvent Durability = 2 // an acknowledged event is on the holder's disk
	DurabilityBoth       Durability = 3 // and, while a migration replays, on the target's as well
)

var durabilityNames = [...]string{"memory", "handover", "every-event", "both"}

// String returns "memory", "handover", "every-event" or "both".
func (d Durability) String() string {
	if !d.Valid() {
		return fmt.Sprintf("durability %d", uint8(d))
	}
	return durabilityNames[d]
}

// Valid reports whether d is one of the levels.
func (d Durability) Valid() bool { return int(d) < len(durabilityNames) }

// ParseDurability reads what String prints.
func ParseDurability(s string) (Durability, error) {
	for i, name := range durabilityNames {
		if s == name {
			return Durability(i), nil
		}
	}
	return 0, fmt.Errorf("wire: unknown durability %q: memory, handover, every-event or both", s)
}

func parseDurability(c *codec.Cursor) Durability {
	d := Durability(c.Uint8())
	if !d.Valid() {
		c.Fail(ErrBadFrame)
	}
	return d
}
