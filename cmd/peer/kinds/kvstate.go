package kinds

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tidwall/btree"
)

// kvView is a store as it was at its snapshot. Entries in key order, each
//
//	2 length of the key, 4 length of the value, 8 version, the key, the value
//
// a key length of zero ends them; the number of entries (8) and the content digest (32) follow.
// Integers are big endian.
type kvView struct {
	tree    *btree.Map[string, entry]
	size    int64
	content lanes
	audit   []byte
}

// endMark ends the entries: no key is empty.
var endMark [entryHead]byte

// Snapshot opens a view of the present state. It takes about a microsecond whatever the
// size of the content (the audit is encoded, a few hundred bytes per producer). The view has
// Len() int64, writes the same bytes any number of times and keeps alive what it shows; there
// is nothing to close.
func (s *KV) Snapshot() (io.WriterTo, error) {
	return &kvView{tree: s.tree.Copy(), size: s.size, content: s.content, audit: s.audit.Append(nil)}, nil
}

// Len returns the exact number of bytes WriteTo writes.
func (v *kvView) Len() int64 { return sealedSize(len(v.audit), v.size+entryHead+kvTail) }

// WriteTo writes the state. The store goes on beside it.
func (v *kvView) WriteTo(w io.Writer) (int64, error) {
	s := newSealWriter(w, kvMagic, v.audit)
	head := make([]byte, 0, entryHead)
	v.tree.Scan(func(key string, e entry) bool {
		s.write(appendEntryHead(head, key, e))
		s.writeString(key)
		s.writeString(e.value)
		return s.err == nil
	})
	s.write(endMark[:])
	s.write(binary.BigEndian.AppendUint64(nil, uint64(v.tree.Len())))
	digest := v.content.bytes()
	s.write(digest[:])
	return s.finish()
}

// Restore replaces the state by what a view wrote. Bytes that no store could have written give
// an error matching ErrSnapshot and leave the state as it was. Memory grows with what has been
// read, one entry at a time.
func (s *KV) Restore(r io.Reader) error {
	in, audit := newSealReader(r, kvMagic)
	fresh := &KV{audit: audit}
	last := ""
	for {
		key, e, more := readEntry(in)
		if !more {
			break
		}
		if key <= last {
			in.fail("key %q does not come after %q", key, last)
			break
		}
		fresh.load(key, e)
		last = key
	}
	if err := fresh.readTail(in); err != nil {
		return err
	}
	*s = *fresh
	return nil
}

// load adds an entry whose key comes after all others.
func (s *KV) load(key string, e entry) {
	s.tree.Load(key, e)
	s.size += entrySize(key, e)
	s.content.add(hashEntry(key, e))
}

// readEntry reads the next entry; false at their end and after an error.
func readEntry(in *sealReader) (string, entry, bool) {
	var head [entryHead]byte
	in.read(head[:])
	if in.err != nil || head == endMark {
		return "", entry{}, false
	}
	keyLen, valueLen := int(binary.BigEndian.Uint16(head[:])), binary.BigEndian.Uint32(head[2:])
	if keyLen > MaxKey || valueLen > MaxValue {
		in.fail("an entry claims a key of %d and a value of %d bytes", keyLen, valueLen)
		return "", entry{}, false
	}
	// One string each: a value that is replaced must not stay in memory for its key's sake.
	key, value := make([]byte, keyLen), make([]byte, valueLen)
	in.read(key)
	in.read(value)
	e := entry{value: string(value), version: binary.BigEndian.Uint64(head[6:])}
	if in.err == nil && (!validKey(key) || e.version == 0) {
		in.fail("%q at version %d is not an entry", key, e.version)
	}
	return string(key), e, in.err == nil
}

// readTail compares what was read with what was written.
func (s *KV) readTail(in *sealReader) error {
	count := in.uint64()
	var digest [32]byte
	in.read(digest[:])
	if in.err == nil && (count != uint64(s.tree.Len()) || digest != s.content.bytes() || s.size > MaxKVBytes) {
		in.fail("%d entries were written, %d of %d bytes were read, or their digest differs", count, s.tree.Len(), s.size)
	}
	return in.finish()
}

// Check counts everything anew and compares it with the count, the size and the content digest
// that the commands kept up to date. It reads all entries; an error matches ErrInvariant.
func (s *KV) Check() error {
	var again KV
	entries := 0
	s.tree.Scan(func(key string, e entry) bool {
		entries++
		again.size += entrySize(key, e)
		again.content.add(hashEntry(key, e))
		return true
	})
	if entries != s.tree.Len() || again.size != s.size || again.content != s.content {
		return fmt.Errorf("%w: kv: %d entries of %d bytes counted, %d of %d kept, content digests equal: %v",
			ErrInvariant, entries, again.size, s.tree.Len(), s.size, again.content == s.content)
	}
	return nil
}
