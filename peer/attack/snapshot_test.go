package attack

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

// maxIncomingPerPeer is how many migrations of one source a node takes at once.
const maxIncomingPerPeer = 64

// bomb is a genuine daemon of the attacker's own, with a state of any size.
type bomb struct {
	prepare *wire.Prepare
	host    *daemon.Host
}

func newBomb(t testing.TB, size uint64) bomb {
	t.Helper()
	key, err := crypto.GenerateEntityKeypair()
	if err != nil {
		t.Fatal(err)
	}
	host, err := daemon.NewHost(&echo{size: size}, key, kind, daemon.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	id := host.EntityID()
	return bomb{host: host, prepare: &wire.Prepare{
		Ref:    wire.Ref{Migration: wire.MigrationID(id[:16]), Origin: host.Origin(), Epoch: 1},
		Entity: id, Kind: kind, Durability: wire.DurabilityEveryEvent,
	}}
}

// framed writes pieces of a snapshot as the frames of its stream.
type framed struct {
	to     io.Writer
	ref    wire.Ref
	offset uint64
}

func (w *framed) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		piece := b[:min(len(b), wire.MaxChunk)]
		_, err = w.to.Write(wire.AppendFrame(nil, &wire.SnapshotReady{Ref: w.ref, Offset: w.offset, Data: piece}))
		b, n, w.offset = b[len(piece):], n+len(piece), w.offset+uint64(len(piece))
	}
	return n, err
}

// lob sends the snapshot of a bomb until it is refused, or at its end.
func (c *caller) lob(b bomb) error {
	c.t.Helper()
	st, err := c.one(wire.ChannelSnapshot, b.prepare.Ref)
	if err != nil {
		return err
	}
	s, err := b.host.Snapshot()
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	_, err = s.WriteTo(&framed{to: st, ref: b.prepare.Ref})
	return err
}

// diskOf adds up what is in a folder.
func diskOf(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // gone meanwhile
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// A source that announces more than the target takes is refused before it sends anything. One that announces
// little and sends without end is refused when it has sent what the target takes: that much is written to the
// disk, and not kept.
func TestSnapshotsThatAreTooLarge(t *testing.T) {
	const most = 8 << 20
	var dir string
	v := attacked(t, wire.RightMigrateIn, func(cfg *victimConfig) { cfg.MaxSnapshot, dir = most, cfg.Dir })
	c := v.call(v.attacker)
	c.listen(migrations)
	for _, size := range []uint64{most + 1, 1 << 63, 1<<64 - 1} {
		b := newBomb(t, 1)
		b.prepare.Size = size
		if err := c.say(c.control, b.prepare); err != nil {
			t.Fatal(err)
		}
		if got := hears[*wire.MigrationFailed](c); got.Reason != wire.ReasonTooLarge {
			t.Errorf("%d bytes were announced, and refused as %v", size, got.Reason)
		}
	}
	before := diskOf(t, dir)
	b := newBomb(t, 1<<40)
	b.prepare.Size = 10
	if err := c.say(c.control, b.prepare); err != nil {
		t.Fatal(err)
	}
	hears[*wire.PrepareOK](c)
	if err := c.lob(b); err == nil {
		t.Error("a terabyte was taken")
	}
	if got := hears[*wire.MigrationFailed](c); !strings.Contains(got.Detail, strconv.Itoa(most)) {
		t.Errorf("a snapshot without end was refused as %v: %s", got.Reason, got.Detail)
	}
	v.serves()
	v.within("snapshots too large", bound{heap: 8 << 20, peak: 64 << 20, goroutines: goroutinesPerSession, files: 4})
	if left := diskOf(t, dir) - before; left > most {
		t.Errorf("%d bytes are left on the disk", left)
	}
}

// A source may bring 64 daemons at a time. Whatever it prepares beyond is put off, and what it leaves half sent
// costs a file, two goroutines and a chunk each; when its session ends, all of that is gone.
func TestManyPreparesAtOnce(t *testing.T) {
	v := attacked(t, wire.RightMigrateIn)
	c := v.call(v.attacker)
	c.listen(migrations)
	var taken []bomb
	for range 4 * maxIncomingPerPeer {
		b := newBomb(t, 4<<20)
		b.prepare.Size = 1 << 30
		if err := c.say(c.control, b.prepare); err != nil {
			t.Fatal(err)
		}
		if answer := <-c.heard; answer.Type() == wire.TypePrepareOK {
			taken = append(taken, b)
		} else if failed, ok := answer.(*wire.MigrationFailed); !ok || failed.Reason != wire.ReasonNotReady {
			t.Fatalf("a prepare was answered with %+v", answer)
		}
	}
	if len(taken) != maxIncomingPerPeer {
		t.Errorf("%d migrations were taken, want %d", len(taken), maxIncomingPerPeer)
	}
	for _, b := range taken {
		st, err := c.one(wire.ChannelSnapshot, b.prepare.Ref)
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		s, err := b.host.Snapshot()
		if err == nil {
			_, err = s.WriteTo(&all)
		}
		if err == nil {
			_, err = (&framed{to: st, ref: b.prepare.Ref}).Write(all.Bytes()[:1<<20])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	v.serves()
	v.within("many prepares", bound{heap: maxIncomingPerPeer * (2 << 20), peak: 256 << 20, goroutines: goroutinesPerSession + 4*maxIncomingPerPeer, files: 2*maxIncomingPerPeer + 4})
	c.hangUp()
	v.within("after they were given up", bound{heap: 16 << 20, peak: 256 << 20, goroutines: goroutinesPerSession, files: 4})
}

// Migrations that are prepared and called off, or whose snapshot is garbage, leave a record each for a while, and
// of these no more than the last ones.
func TestPreparesCalledOff(t *testing.T) {
	v := attacked(t, wire.RightMigrateIn)
	c := v.call(v.attacker)
	c.listen(migrations)
	const rounds = 1000
	for n := range rounds {
		b := newBomb(t, 1)
		b.prepare.Durability = wire.Durability(n % 2 * int(wire.DurabilityEveryEvent))
		if err := c.say(c.control, b.prepare); err != nil {
			t.Fatal(err)
		}
		hears[*wire.PrepareOK](c)
		if n%2 == 0 {
			if err := c.say(c.control, &wire.MigrationFailed{Ref: b.prepare.Ref, Reason: wire.ReasonCancelled}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		st, err := c.one(wire.ChannelSnapshot, b.prepare.Ref)
		if err != nil {
			t.Fatal(err)
		}
		// Errors mean that it was refused before its end.
		_, _ = (&framed{to: st, ref: b.prepare.Ref}).Write([]byte("FERRYSNP and nothing else"))
		_ = st.Close()
		hears[*wire.MigrationFailed](c)
	}
	v.serves()
	f := v.within("prepares called off", bound{heap: 16 << 20, peak: 96 << 20, goroutines: goroutinesPerSession, files: 4})
	t.Logf("%d migrations are remembered", f.Migrations)
}
