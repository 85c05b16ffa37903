package daemon

import (
	"bytes"
	"testing"
)

// closing counts how often its host has let go of it, and panics then, which
// must not reach the host.
type closing struct {
	tally
	closed int
}

func (c *closing) Close() error {
	c.closed++
	panic("close")
}

// TestLettingGoCloses: a daemon that holds more than memory of the Go heap is
// closed, once, wherever its host drops it.
func TestLettingGoCloses(t *testing.T) {
	start := func() (*Host, *closing) {
		d := new(closing)
		h, err := NewHost(d, testKey(t, 9), "closing", HostConfig{})
		check(t, err)
		return h, d
	}
	restoring := func(b []byte) (*Host, *closing, error) {
		s, err := ReadSnapshot(bytes.NewReader(b))
		check(t, err)
		d := new(closing)
		h, err := Restore(s, d, testKey(t, 3), HostConfig{})
		return h, d, err
	}

	moved, d := start()
	good := snapshotBytes(t, moved)
	_, err := moved.HandOver(node(1), node(2), testKey(t, 1).Public())
	check(t, err)
	if moved.Retire(); d.closed != 1 {
		t.Errorf("retired: closed %d times", d.closed)
	}

	over, d := start()
	check(t, over.End())
	check(t, over.End())
	if d.closed != 1 || over.key.CanSign() {
		t.Errorf("ended: closed %d times, can sign: %v", d.closed, over.key.CanSign())
	}

	copied, d, err := restoring(good)
	check(t, err)
	check(t, copied.End())
	if d.closed != 1 || !copied.key.CanSign() {
		t.Errorf("dropped copy: closed %d times; its key is the caller's", d.closed)
	}

	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	if _, d, err := restoring(damaged); err == nil || d.closed != 1 {
		t.Errorf("failed restore: closed %d times, %v", d.closed, err)
	}
}
