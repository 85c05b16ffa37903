package wire

import (
	"math"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// Options are the wishes of whoever starts a migration. Zero means the source's
// own default. A duration on the wire counts nanoseconds.
type Options struct {
	MaxBlackout time.Duration // the longest predicted blackout worth cutting over for
	Stall       time.Duration // give up after this long without progress
	Timeout     time.Duration // give up after this long altogether
	MaxRate     uint64        // bytes per second of snapshot transfer
}

func (o *Options) append(dst []byte) []byte {
	dst = appendDuration(dst, o.MaxBlackout)
	dst = appendDuration(dst, o.Stall)
	dst = appendDuration(dst, o.Timeout)
	return codec.AppendUint64(dst, o.MaxRate)
}

func (o *Options) parse(c *codec.Cursor) {
	o.MaxBlackout = parseDuration(c) // 8 longest blackout, ns
	o.Stall = parseDuration(c)       // 8 longest stall, ns
	o.Timeout = parseDuration(c)     // 8 timeout, ns
	o.MaxRate = c.Uint64()           // 8 bytes per second
}

// appendDuration appends a duration in nanoseconds. No field can mean a negative
// one; it is sent as zero.
func appendDuration(dst []byte, d time.Duration) []byte {
	return codec.AppendUint64(dst, uint64(max(d, 0)))
}

// parseDuration reads a duration of at most 2^63-1 nanoseconds.
func parseDuration(c *codec.Cursor) time.Duration {
	ns := c.Uint64()
	if ns > math.MaxInt64 {
		c.Fail(ErrTooLarge)
		return 0
	}
	return time.Duration(ns)
}
