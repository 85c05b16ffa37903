package kinds

import (
	"math"
	"strconv"

	"github.com/tidwall/btree"

	"github.com/ferrymesh/ferry/daemon"
)

// Limits of a key-value store. They are part of what makes it deterministic: a node with less
// memory does not refuse what another accepts.
const (
	MaxKey     = 256       // bytes of a key
	MaxValue   = 128 << 10 // bytes of a value, so that an output always has room for one
	MaxKVBytes = 4 << 30   // bytes of the whole content as a snapshot writes it
)

const (
	kvMagic   = "ferryKV1"
	entryHead = 2 + 4 + 8 // lengths of key and value, version
	kvTail    = 8 + 32    // number of entries, content digest
)

// entry is what a key holds.
type entry struct {
	value   string
	version uint64 // log sequence of the event that wrote it
}

// KV is a daemon of the kind "kv": an ordered map from keys to values with compare-and-swap.
// Its invariant: the count, the size and the content digest that it keeps up to date with each
// change are those of a full recount. The package documentation has its commands.
//
// The content lies in a B-tree whose Copy takes constant time and shares every node until one
// side writes to it. That gives all three things a snapshot needs: it takes no time, the
// events that follow copy a few nodes of 2.5 KiB each, and the entries come out in key order,
// so equal contents give equal bytes. A hash map cut into shards that are copied on write would
// have to be sorted for each snapshot, and copies a whole shard for one changed key.
//
// The daemon methods and Inspect are for one goroutine at a time, as the host calls them; the
// views of Snapshot are used beside them freely.
type KV struct {
	tree    btree.Map[string, entry]
	size    int64 // bytes of all entries in a snapshot
	content lanes
	audit   Audit
}

// NewKV returns an empty store.
func NewKV() *KV { return new(KV) }

// Process applies one event: a command. One that is understood but cannot be done, say a cas
// whose version does not hold, is an applied event with an output that begins "refused:"; one
// that is not understood is an error matching ErrPayload.
func (s *KV) Process(ev daemon.Event) ([][]byte, error) {
	cmd, err := parseKV(ev.Payload)
	if err != nil {
		return nil, err
	}
	out := cmd.run(cmd, s, string(cmd.key), ev.Link.Sequence)
	s.audit.Record(ev)
	return out, nil
}

// set writes a key and reports false, with nothing changed, if the store has no room for it.
func (s *KV) set(key string, e entry) bool {
	old, had := s.tree.Get(key)
	size := s.size + entrySize(key, e)
	if had {
		size -= entrySize(key, old)
	}
	if size > MaxKVBytes {
		return false
	}
	if had {
		s.content.remove(hashEntry(key, old))
	}
	s.content.add(hashEntry(key, e))
	s.tree.Set(key, e)
	s.size = size
	return true
}

// full is the refusal of a write that would break MaxKVBytes.
func full() [][]byte { return refused("full: the content would exceed %d bytes", int64(MaxKVBytes)) }

// put sets a key unconditionally.
func (c command) put(s *KV, key string, seq uint64) [][]byte {
	if !s.set(key, entry{value: string(c.value), version: seq}) {
		return full()
	}
	return [][]byte{strconv.AppendUint([]byte("ok "), seq, 10)}
}

// get answers with the version before the value, since only the value may hold spaces.
func (c command) get(s *KV, key string, _ uint64) [][]byte {
	e, ok := s.tree.Get(key)
	if !ok {
		return text("absent")
	}
	out := strconv.AppendUint(append(make([]byte, 0, 28+len(e.value)), "value "...), e.version, 10)
	return [][]byte{append(append(out, ' '), e.value...)}
}

// remove is "delete"; a key written again later gets a new version, never an old one.
func (c command) remove(s *KV, key string, _ uint64) [][]byte {
	old, had := s.tree.Delete(key)
	if !had {
		return text("absent")
	}
	s.content.remove(hashEntry(key, old))
	s.size -= entrySize(key, old)
	return text("ok")
}

// incr takes an absent key for 0.
func (c command) incr(s *KV, key string, seq uint64) [][]byte {
	old, had := s.tree.Get(key)
	n := int64(0)
	if had {
		var ok bool
		if n, ok = parseInt(old.value); !ok {
			return refused("value %d is not a number", old.version)
		}
	}
	if (c.number > 0 && n > math.MaxInt64-c.number) || (c.number < 0 && n < math.MinInt64-c.number) {
		return refused("%d plus %d is out of range", n, c.number)
	}
	value := strconv.FormatInt(n+c.number, 10)
	if !s.set(key, entry{value: value, version: seq}) {
		return full()
	}
	return [][]byte{append(strconv.AppendUint([]byte("ok "), seq, 10), " "+value...)}
}

// cas is put, if the key has not been written since it was read.
func (c command) cas(s *KV, key string, seq uint64) [][]byte {
	// An absent key has version 0; no event has sequence 0.
	if old, _ := s.tree.Get(key); old.version != c.version {
		return refused("version %d, not %d", old.version, c.version)
	}
	return c.put(s, key, seq)
}
