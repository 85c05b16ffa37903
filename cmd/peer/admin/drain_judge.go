package admin

import (
	"strings"
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// The pauses of a drain between two tries of the same, the first and the longest; each is twice the one before.
const (
	drainFirstPause = time.Second
	drainLastPause  = 10 * time.Second
)

// maxDrainFaults is how often a daemon is brought to a target that fails in a way that should not happen: the next copy is likely
// to fail like the last, and may be large.
const maxDrainFaults = 3

// longer returns the pause that follows another.
func longer(pause time.Duration) time.Duration {
	return min(max(2*pause, drainFirstPause), drainLastPause)
}

// scope is what a failed move says something about.
type scope int

const (
	passing     scope = iota // it may pass by itself: this daemon waits before it is tried there again
	fault                    // it should not happen, and may not pass: maxDrainFaults times
	overtaken                // the daemon was on its way already, or has gone: a look will tell
	thatTarget               // the target has trouble with whatever comes, and is left alone for a while
	neverDaemon              // the target does not take this daemon
	neverKind                // the target does not take this kind
	neverTarget              // the target takes nothing from this node
	neverAtAll               // the daemon cannot be moved anywhere
)

// judge tells what a move that has not moved the daemon says.
func judge(m node.Migration) scope {
	switch m.Reason {
	case wire.ReasonStateless, wire.ReasonPassportFull:
		return neverAtAll
	case wire.ReasonFactoryNotFound:
		return neverKind
	case wire.ReasonVersion:
		return neverTarget
	case wire.ReasonRefused:
		if strings.Contains(m.Detail, wire.RightMigrateIn.String()) {
			return neverTarget
		}
		return neverDaemon
	case wire.ReasonTooLarge, wire.ReasonWrongPeer:
		return neverDaemon
	case wire.ReasonUnreachable, wire.ReasonLimit, wire.ReasonBufferFull, wire.ReasonTimeout:
		if turnedAway(m) {
			return neverTarget
		}
		return thatTarget
	case wire.ReasonAlreadyMigrating, wire.ReasonMoved, wire.ReasonDaemonNotFound:
		return overtaken
	case wire.ReasonNotReady, wire.ReasonFrozen, wire.ReasonNotReadyTimeout, wire.ReasonFreezeBudget,
		wire.ReasonNotConverging, wire.ReasonCancelled:
		return passing
	}
	return fault
}
