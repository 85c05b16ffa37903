package target

import (
	"math/bits"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// Defaults of [Config].
const (
	DefaultMaxBuffered  = 256 << 20 // bytes held by all origins together
	DefaultMaxActive    = 32_768    // migrations to this node at once
	DefaultCompletedTTL = time.Hour // how long a completed migration answers repeats
	DefaultShards       = 128
	maxShards           = 1 << 12
)

// Config is what a [Handler] is told once. It is copied; except for Node the zero value of every field
// means its default, and a negative value does too.
type Config struct {
	// Node is this node. A handover must name it.
	Node crypto.NodeID
	// MaxPendingEvents is how many events may be held for one daemon beyond the one that comes next, and
	// so how far ahead of it they may lie. Inclusive; default 1,000,000, at most [MaxPendingEvents].
	MaxPendingEvents int
	// MaxPendingBytes bounds the payloads of those events, in bytes. Inclusive; default 64 MiB.
	MaxPendingBytes int64
	// MaxBuffered bounds what all daemons of the node hold together, in bytes: payloads, the pages they
	// lie in (8 KiB for up to 64 neighboring sequences) and the directories of those pages. The event
	// that comes next in its log is counted but never refused, so the count may exceed the limit by one
	// event for each active migration. Inclusive; default 256 MiB.
	MaxBuffered int64
	// MaxActive bounds the migrations that are under way at one time. Each costs its daemon, what it
	// holds, and up to 130 KiB of digests of what was applied. Default 32,768.
	MaxActive int
	// CompletedTTL is how long a completed migration goes on answering Activate and Complete, counted
	// from the last Tick before its completion, or from the first Tick at all if there was none. It ends
	// with the first Tick that finds it over. Default one hour.
	CompletedTTL time.Duration
	// Shards is the number of locks that guard membership, rounded up to a power of two, at most 4,096.
	// Default 128; see shard for why that is plenty.
	Shards int
}

// withDefaults returns cfg with every field set.
func (cfg Config) withDefaults() Config {
	cfg.MaxPendingEvents = positive(cfg.MaxPendingEvents, DefaultPendingEvents)
	cfg.MaxPendingBytes = positive(cfg.MaxPendingBytes, DefaultPendingBytes)
	cfg.MaxBuffered = positive(cfg.MaxBuffered, DefaultMaxBuffered)
	cfg.MaxActive = positive(cfg.MaxActive, DefaultMaxActive)
	cfg.CompletedTTL = positive(cfg.CompletedTTL, DefaultCompletedTTL)
	shards := min(positive(cfg.Shards, DefaultShards), maxShards)
	cfg.Shards = 1 << bits.Len(uint(shards-1))
	return cfg
}

// positive returns v, or def if v is not above zero.
func positive[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
