package crypto

import "github.com/ferrymesh/ferry/codec"

// An AttemptID tells the attempts of one daemon's holders to hand it over apart:
// none is ever used twice. Fields and order are those of the protocol's attempts.
type AttemptID struct {
	// Epoch is the epoch that the attempt would end.
	Epoch uint64
	// Boot is the holder's durable boot counter.
	Boot uint64
	// Count is the number of attempts since that boot, 1 for the first.
	Count uint64
}

const attemptSize = 8 + 8 + 8

// appendAttempt appends epoch 8 | boot 8 | count 8.
func appendAttempt(dst []byte, a AttemptID) []byte {
	dst = codec.AppendUint64(dst, a.Epoch)
	dst = codec.AppendUint64(dst, a.Boot)
	return codec.AppendUint64(dst, a.Count)
}

// decodeAttempt reads what appendAttempt wrote.
func decodeAttempt(c *codec.Cursor) AttemptID {
	return AttemptID{Epoch: c.Uint64(), Boot: c.Uint64(), Count: c.Uint64()}
}
