package transport

import (
	"errors"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Config says who this node is, whom it lets in, and how much of it a peer may
// use. It is copied when the network starts. The zero value of a limit is its
// default; a negative one is an error.
type Config struct {
	// Key is the node's key. It must be set.
	Key *crypto.NodeKeypair
	// Listen is the UDP address to listen on; "" and ":0" mean any port on
	// every interface. The Hub takes any unused name, and "" for one it makes.
	Listen string
	// Advertise replaces what Addrs returns, for nodes behind address
	// translation.
	Advertise []string
	// Authorize returns what a node may do here and whether it may connect at
	// all. It is called from the network's goroutines, once per session. Nil
	// lets nobody in.
	Authorize func(crypto.NodeID) (wire.Rights, bool)

	// ResetKey is a secret that outlives the process, by which a node that was
	// restarted can tell its former peers at once that their sessions are
	// gone. Zero means that they notice by IdleTimeout.
	ResetKey [32]byte

	// QueueBytes bounds what one stream may hold back for a peer that does not
	// read; 0 = 8 MiB.
	QueueBytes int
	// SessionQueueBytes bounds the same over all streams of a session; 0 =
	// 32 MiB. A sender that keeps each stream under 256 KiB never meets it.
	SessionQueueBytes int
	// Transfers bounds the event streams and, separately, the snapshot streams
	// open at once in each direction of a session; 0 = 64. More of them wait.
	Transfers int
	// AssemblyBytes bounds, per peer and over all its sessions, the declared
	// size of frames that have begun to arrive and are not complete; 0 =
	// 64 MiB.
	AssemblyBytes int
	// SessionsPerNode bounds the sessions one node may have open to us, those
	// included in which it has not said hello yet; 0 = 8.
	SessionsPerNode int
	// Sessions bounds all sessions that were opened to us, handshakes
	// included; 0 = 1,024.
	Sessions int
	// Handshakes bounds the handshakes that are under way at once; 0 = 256.
	Handshakes int
	// HandshakeRate is how many handshakes per second one address prefix (/24
	// or /48) may begin before it must prove its address first; four times
	// that for all prefixes together. 0 = 32.
	HandshakeRate int
	// HandshakeTimeout bounds a handshake from the first packet to the hello,
	// and the wait for the header of a stream; 0 = 5 s.
	HandshakeTimeout time.Duration
	// IdleTimeout ends a session whose peer has been silent; 0 = 15 s, at
	// least 1 s.
	IdleTimeout time.Duration
	// KeepAlive is how often an otherwise silent session sends something; 0 =
	// a third of IdleTimeout.
	KeepAlive time.Duration
	// WindowBytes bounds by how much the receive windows of all sessions may
	// together grow beyond the 4 MiB each starts with, up to 8 MiB; 0 =
	// 32 MiB.
	WindowBytes int64
	// PendingCallers bounds the list of unknown callers; 0 = 64.
	PendingCallers int
}

var (
	errNoKey    = errors.New("transport: config has no node key")
	errNegative = errors.New("transport: a limit in the config is negative")
)

// withDefaults returns the configuration with every limit set.
func (c Config) withDefaults() (Config, error) {
	if c.Key == nil {
		return c, errNoKey
	}
	if c.Authorize == nil {
		c.Authorize = func(crypto.NodeID) (wire.Rights, bool) { return 0, false }
	}
	c.Advertise = append([]string(nil), c.Advertise...)
	if !c.setCounts() || !c.setTimes() {
		return c, errNegative
	}
	return c, nil
}

// setCounts fills in the limits on bytes and numbers. It reports whether none
// of them is negative.
func (c *Config) setCounts() bool {
	for _, limit := range []struct {
		value    *int
		standard int
	}{
		{&c.QueueBytes, 8 << 20},
		{&c.SessionQueueBytes, 32 << 20},
		{&c.Transfers, 64},
		{&c.AssemblyBytes, 64 << 20},
		{&c.SessionsPerNode, 8},
		{&c.Sessions, 1024},
		{&c.Handshakes, 256},
		{&c.HandshakeRate, 32},
		{&c.PendingCallers, 64},
	} {
		if *limit.value < 0 {
			return false
		}
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	if c.WindowBytes == 0 {
		c.WindowBytes = 32 << 20
	}
	return c.WindowBytes > 0
}

// setTimes fills in the timeouts. It reports whether none of them is negative.
func (c *Config) setTimes() bool {
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 5 * time.Second
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 15 * time.Second
	}
	if c.KeepAlive == 0 {
		c.KeepAlive = max(c.IdleTimeout, time.Second) / 3
	}
	valid := c.HandshakeTimeout > 0 && c.IdleTimeout > 0 && c.KeepAlive > 0
	c.IdleTimeout = max(c.IdleTimeout, time.Second)
	return valid
}
