package wire

import (
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// Stats are the figures of a migration, as its source measures them. Durations
// are spans of the source's own clock.
type Stats struct {
	SnapshotBytes     uint64        // size of the snapshot, 0 while unknown
	SnapshotSent      uint64        // bytes of it sent so far
	EventsDuring      uint64        // events sequenced since the snapshot
	Lag               uint64        // events the target has yet to apply
	Blackout          time.Duration // freeze to receipt of ActivateAck, 0 before that
	Transfer          time.Duration // time spent in the Transfer phase
	PredictedBlackout time.Duration // the blackout if the cutover began now
	Epoch             uint64        // the epoch in force
}

func (s *Stats) append(dst []byte) []byte {
	dst = codec.AppendUint64(dst, s.SnapshotBytes)
	dst = codec.AppendUint64(dst, s.SnapshotSent)
	dst = codec.AppendUint64(dst, s.EventsDuring)
	dst = codec.AppendUint64(dst, s.Lag)
	dst = appendDuration(dst, s.Blackout)
	dst = appendDuration(dst, s.Transfer)
	dst = appendDuration(dst, s.PredictedBlackout)
	return codec.AppendUint64(dst, s.Epoch)
}

func (s *Stats) parse(c *codec.Cursor) {
	s.SnapshotBytes = c.Uint64()           // 8 bytes of the snapshot
	s.SnapshotSent = c.Uint64()            // 8 bytes sent
	s.EventsDuring = c.Uint64()            // 8 events since the snapshot
	s.Lag = c.Uint64()                     // 8 events behind
	s.Blackout = parseDuration(c)          // 8 blackout, ns
	s.Transfer = parseDuration(c)          // 8 transfer, ns
	s.PredictedBlackout = parseDuration(c) // 8 predicted blackout, ns
	s.Epoch = c.Uint64()                   // 8 epoch in force
}
