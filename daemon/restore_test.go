package daemon

import (
	"bytes"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// closer is a daemon that counts its closings.
type closer struct {
	tally
	closed int
}

func (d *closer) Close() error { d.closed++; return nil }

// A daemon that was handed to Restore is closed, once, whatever keeps it from being restored: nobody else has it.
func TestT04_FailedRestoreClosesTheDaemon(t *testing.T) {
	h, _ := birth(t)
	submit(t, h, producer(1), 1, "state")
	stream := snapshotBytes(t, h)
	read := func(b []byte) *Snapshot {
		s, err := ReadSnapshot(bytes.NewReader(b))
		check(t, err)
		return s
	}
	used, shut, own := read(stream), read(stream), read(stream)
	written(t, used)
	check(t, shut.Close())
	closedOwn, err := h.Snapshot()
	check(t, err)
	check(t, closedOwn.Close())
	refusing := closer{tally: tally{restoreErr: errRefused}}
	for name, c := range map[string]struct {
		s   *Snapshot
		d   closer
		key *crypto.EntityKeypair
	}{
		"no key":                   {s: own},
		"a public key":             {s: own, key: crypto.PublicOnly(testKey(t, 1).Public())},
		"read before":              {s: used, key: testKey(t, 1)},
		"closed":                   {s: shut, key: testKey(t, 1)},
		"closed, of this process":  {s: closedOwn, key: testKey(t, 1)},
		"a view that fails":        {s: &Snapshot{header: h.header(), view: &tallyView{fail: errRefused}}, key: testKey(t, 1)},
		"cut":                      {s: read(stream[:len(stream)-1]), key: testKey(t, 1)},
		"refused by the daemon":    {s: read(stream), d: refusing, key: testKey(t, 1)},
		"refused, of this process": {s: &Snapshot{header: h.header(), view: &tallyView{}}, d: refusing, key: testKey(t, 1)},
	} {
		d := c.d
		if _, err := Restore(c.s, &d, c.key, HostConfig{}); err == nil || d.closed != 1 {
			t.Errorf("%s: closed %d times, %v", name, d.closed, err)
		}
	}
	d := new(closer)
	host, err := Restore(own, d, testKey(t, 1), HostConfig{})
	check(t, err)
	if d.closed != 0 {
		t.Error("closed while its host has it")
	}
	check(t, host.End())
	if d.closed != 1 {
		t.Errorf("closed %d times at its end", d.closed)
	}
}
