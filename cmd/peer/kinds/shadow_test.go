package kinds

import (
	"bytes"
	"io"
	"sync"
	"testing"
)

// whole returns all accounts of a book, present or as a shadow has them.
func (b *book) whole(t *testing.T, s *shadow) []byte {
	t.Helper()
	var all []byte
	var piece [stripeAccounts * accountSize]byte
	for first := uint64(0); first < b.accounts; first += stripeAccounts {
		if s == nil {
			run := b.run(first)
			all = append(all, run[:min(len(run), len(piece))]...)
			continue
		}
		n, open := b.read(s, first, &piece)
		if !open {
			t.Fatal("the view is closed")
		}
		all = append(all, piece[:n]...)
	}
	return all
}

func openBook(t *testing.T, accounts uint64) *book {
	b := newBook(accounts, 5)
	t.Cleanup(b.release)
	if err := b.fill(b.openRecords); err != nil {
		t.Fatal(err)
	}
	return b
}

// Random changes of random accounts with shadows opened and closed in between, against copies
// of the whole. The sizes have partly used pages, stripes and groups.
func TestShadowModel(t *testing.T) {
	rng := seeded(t)
	for _, accounts := range []uint64{2, 63, 64, 65, 257, 1000, slabAccounts + 65} {
		b := openBook(t, accounts)
		copies := map[*shadow][]byte{}
		for range 300 {
			switch n := rng.IntN(40); {
			case n == 0 && len(copies) < 4:
				want := b.whole(t, nil)
				copies[b.openShadow()] = want
			case n == 1:
				for s := range copies {
					b.closeShadow(s)
					b.release()
					delete(copies, s)
					break
				}
			default:
				rec, err := b.change(rng.Uint64N(accounts))
				if err != nil {
					t.Fatal(err)
				}
				rec[rng.IntN(accountSize)]++
			}
		}
		for s, want := range copies {
			if !bytes.Equal(b.whole(t, s), want) {
				t.Fatalf("%d accounts: a view changed", accounts)
			}
			b.closeShadow(s)
			b.release()
		}
	}
}

// What a closed shadow holds is kept for an older view, and freed with that.
func TestShadowKeptForOlderView(t *testing.T) {
	b := openBook(t, 100)
	older, newer := b.openShadow(), b.openShadow()
	want := b.whole(t, older)
	rec, _ := b.change(7)
	rec[0]++
	if older.used != 0 || newer.used != 1 {
		t.Fatalf("%d and %d images, want the newest shadow to have the only one", older.used, newer.used)
	}
	b.closeShadow(newer)
	b.release()
	rec, _ = b.change(8)
	rec[0]++
	if !bytes.Equal(b.whole(t, older), want) {
		t.Error("the older view changed")
	}
	if newer.images.list == nil {
		t.Error("images freed that a view needs")
	}
	b.closeShadow(older)
	b.release()
	if newer.images.list != nil || older.images.list != nil || len(b.shadows) != 0 {
		t.Error("images kept that no view needs")
	}
}

func TestShadowClosedTwice(t *testing.T) {
	b := openBook(t, 10)
	s := b.openShadow()
	if !b.closeShadow(s) || b.closeShadow(s) {
		t.Error("a view can be closed once")
	}
	b.release()
	if _, open := b.read(s, 0, new([stripeAccounts * accountSize]byte)); open {
		t.Error("a closed view can be read")
	}
}

// Snapshots taken in the middle of transfers, each restored elsewhere while the transfers go
// on: every one of them has the full sum. Run with -race.
func TestLedgerSnapshotsAreConsistent(t *testing.T) {
	rng := seeded(t)
	const accounts = 3 * stripeAccounts
	f, l := openLedger(t, accounts, 100)
	var wg sync.WaitGroup
	for i := range 1500 {
		f.send(string(transferPayload(nil, rng.Uint64N(accounts), rng.Uint64N(accounts), 1+rng.Uint64N(80))))
		if i%60 != 0 {
			continue
		}
		v, err := l.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { mustRestoreWhole(t, v, NewLedger()) })
	}
	wg.Wait()
	if len(l.book.shadows) != 0 {
		t.Errorf("%d shadows remain", len(l.book.shadows))
	}
}

// mustRestoreWhole streams a view into a daemon, checks that, and closes both.
func mustRestoreWhole(t *testing.T, v io.WriterTo, back interface {
	checker
	Restore(io.Reader) error
}) {
	r, w := io.Pipe()
	go func() {
		_, err := v.WriteTo(w)
		w.CloseWithError(err)
	}()
	if err := back.Restore(r); err != nil {
		t.Error(err)
	}
	if err := back.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []any{v, back} {
		if c, ok := c.(io.Closer); ok {
			c.Close()
		}
	}
}

// The same of the other kinds.
func TestSnapshotsAreConsistent(t *testing.T) {
	for _, name := range []string{"kv", "wordcount"} {
		f, d := sample(t, name)
		load, _ := NewLoad(name, 9, 0)
		var wg sync.WaitGroup
		for i := range 1500 {
			f.send(string(load.Next(nil)))
			if i%100 != 0 {
				continue
			}
			v, err := d.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			back := fresh(t, name)
			wg.Go(func() {
				mustRestoreWhole(t, v, back.(interface {
					checker
					Restore(io.Reader) error
				}))
			})
		}
		wg.Wait()
	}
}
