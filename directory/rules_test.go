package directory

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func genesis(t *testing.T, seed byte) crypto.Genesis {
	t.Helper()
	key, err := crypto.KeypairFromSeed([32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	g, err := crypto.SignGenesis(key, "rules", crypto.PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestOriginIsNoCredential: two entities whose origins collide, which no test can
// arrange but by hand, are told apart.
func TestOriginIsNoCredential(t *testing.T) {
	a, b := genesis(t, 1), genesis(t, 2)
	row := &Row{Entry: birthEntry(&a, crypto.NodeID{1}, nil)}
	change, _, err := register(row, &Birth{Genesis: b, Holder: crypto.NodeID{1}}, 0)
	if change != nil || !errors.Is(err, ErrTaken) {
		t.Errorf("registered over another entity: %v", err)
	}
	p := crypto.NewPassport(b)
	if err := checkHistory(nil, row, &p); !errors.Is(err, ErrTaken) {
		t.Errorf("recovered over another entity: %v", err)
	}
}

// TestRecordsAreExact: what is stored comes back, and a record with any bit altered,
// cut short, or under another key does not.
func TestRecordsAreExact(t *testing.T) {
	g := genesis(t, 1)
	e := birthEntry(&g, crypto.NodeID{1}, []string{"a:1", "b:2"})
	row := &Row{Entry: e, Aborted: wire.Attempt{Epoch: 1, Boot: 2, Count: 3}, Generation: 4}
	e.Epoch = 2
	move := &Move{
		Entry: e, Migration: wire.MigrationID{5}, Attempt: wire.Attempt{Epoch: 1, Boot: 2, Count: 4},
		Cert: crypto.FreezeCert{Epoch: 2, Attempt: crypto.Attempt{Epoch: 1, Boot: 2, Count: 4}, Head: g.Head()},
	}
	origin := g.Head().Origin
	decodeRow := func(b []byte, origin, _ uint64) (any, error) { return DecodeRow(b, origin) }
	decodeMove := func(b []byte, origin, epoch uint64) (any, error) { return DecodeMove(b, origin, epoch) }
	for _, c := range []struct {
		want   any
		record []byte
		decode func([]byte, uint64, uint64) (any, error)
	}{{row, AppendRow(nil, row), decodeRow}, {move, AppendMove(nil, move), decodeMove}} {
		if got, err := c.decode(c.record, origin, 2); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v, %v, want %+v", got, err, c.want)
		}
		if _, err := c.decode(c.record, origin+1, 2); !errors.Is(err, ErrDamaged) {
			t.Errorf("under another origin: %v", err)
		}
		for bit := range 8 * len(c.record) {
			bad := bytes.Clone(c.record)
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := c.decode(bad, origin, 2); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d: %v", bit, err)
			}
		}
		for n := range c.record {
			if _, err := c.decode(c.record[:n], origin, 2); !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut to %d bytes: %v", n, err)
			}
		}
	}
	if _, err := DecodeMove(AppendMove(nil, move), origin, 3); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another epoch: %v", err)
	}
	if _, err := DecodeMove(AppendRow(nil, row), origin, 1); !errors.Is(err, ErrDamaged) {
		t.Errorf("a row as a move: %v", err)
	}
}
