package main

import (
	"strings"

	"github.com/ferrymesh/ferry/wire"
)

// durabilityHelp says what the levels mean, for those who choose one.
const durabilityHelp = `What an acknowledgment of a daemon promises is chosen at its birth and travels with it:

  memory       nothing is on disk; the daemon ends with the process that holds it
  handover     who holds the daemon survives the process; up to a tenth of a second of acknowledged events may not
  every-event  an acknowledged event is on the holder's disk
  both         and, while the daemon moves, on the disk of the node that it moves to as well`

// durabilityFlag is the usage of a flag that takes a level.
const durabilityFlag = "what an acknowledgment promises: memory, handover, every-event, both"

// levels are the names of the levels, the weakest first.
func levels() (names []string) {
	for d := wire.DurabilityMemory; d.Valid(); d++ {
		names = append(names, d.String())
	}
	return names
}

// parseLevel reads the value of a flag.
func parseLevel(text string) (wire.Durability, error) {
	d, err := wire.ParseDurability(text)
	if err != nil {
		return 0, usage("--durability %q is none of %s", text, strings.Join(levels(), ", "))
	}
	return d, nil
}
