package main

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/target"
)

// entry is what a receiver of one's own would keep for a daemon: the dark host, and the events that came
// early.
type entry struct {
	mu     sync.Mutex // not used under a lock that is held anyway
	host   *daemon.Host
	buffer *target.Buffer
}

// newEntry restores a daemon.
func newEntry(a arrival, key *crypto.EntityKeypair) (*entry, error) {
	var stream bytes.Buffer
	if _, err := a.snapshot.WriteTo(&stream); err != nil {
		return nil, err
	}
	snapshot, err := daemon.ReadSnapshot(&stream)
	if err != nil {
		return nil, err
	}
	host, err := daemon.Restore(snapshot, idle{}, key, daemon.HostConfig{Node: targetNode})
	return &entry{host: host, buffer: target.NewBuffer(a.snapshot.Through(), 0, 0)}, err
}

// replay applies what is next and keeps the rest.
func (e *entry) replay(events []crypto.CausalEvent) error {
	for i := range events {
		if e.buffer.Expects(events[i].Link.Sequence) {
			if err := e.host.Replay(events[i]); err != nil {
				return err
			}
			e.buffer.Advance()
		} else if _, err := e.buffer.Insert(&events[i]); err != nil {
			return err
		}
	}
	for ev := e.buffer.Next(); ev != nil; ev = e.buffer.Next() {
		if err := e.host.Replay(*ev); err != nil {
			return err
		}
		e.buffer.Advance()
	}
	return nil
}

// underOneLock is a receiver with a map and a mutex around everything.
type underOneLock struct {
	mu      sync.Mutex
	entries map[uint64]*entry
	key     *crypto.EntityKeypair
}

func (u *underOneLock) restore(a arrival) error {
	e, err := newEntry(a, u.key)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.entries[a.origin] = e
	return err
}

func (u *underOneLock) replay(origin uint64, events []crypto.CausalEvent) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	e := u.entries[origin]
	if e == nil {
		return fmt.Errorf("no daemon %x", origin)
	}
	return e.replay(events)
}

// inXsync is a receiver with a concurrent map and a lock in each entry.
type inXsync struct {
	entries *xsync.Map[uint64, *entry]
	key     *crypto.EntityKeypair
}

func (x *inXsync) restore(a arrival) error {
	e, err := newEntry(a, x.key)
	x.entries.Store(a.origin, e)
	return err
}

func (x *inXsync) replay(origin uint64, events []crypto.CausalEvent) error {
	e, ok := x.entries.Load(origin)
	if !ok {
		return fmt.Errorf("no daemon %x", origin)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.replay(events)
}

// newRival makes the receiver with that name for a fleet.
func newRival(name string, count int) (receiver, error) {
	key, err := keyOf(1 << 40)
	switch name {
	case "one mutex":
		return &underOneLock{entries: make(map[uint64]*entry, count), key: key}, err
	case "xsync.Map":
		return &inXsync{entries: xsync.NewMap[uint64, *entry](xsync.WithPresize(count)), key: key}, err
	}
	return newHandled(count)
}
