package kinds

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
)

// openLedger returns an open ledger of some accounts, closed with the test.
func openLedger(t testing.TB, accounts, balance uint64) (*feeder, *Ledger) {
	t.Helper()
	l := NewLedger()
	t.Cleanup(func() { l.Close() })
	f := feed(t, l)
	f.want(fmt.Sprintf("open %d %d", accounts*accountSize, balance), fmt.Sprintf("opened %d accounts of %d", accounts, balance))
	return f, l
}

func TestLedgerCommands(t *testing.T) {
	l := NewLedger()
	defer l.Close()
	f := feed(t, l)
	f.want("transfer 0 1 5", "refused: not open yet")
	f.want("open 64", "refused: size 64 is not between 128 and 17179869184 bytes")
	f.want("open 17GiB", "refused: size 18253611008 is not between 128 and 17179869184 bytes")
	f.want("open 1KiB 9223372036854775807", "refused: 16 accounts of 9223372036854775807 exceed the largest sum, 9223372036854775807")
	f.want("open 129", "opened 3 accounts of 1000")
	f.want("open 1KiB", "refused: already open with 3 accounts")
	f.want("transfer 0 1 250", "moved 250: 0=750 1=1250")
	f.want("transfer 1 2 1250", "moved 1250: 1=0 2=2250")
	f.want("transfer 1 2 1", "refused: account 1 holds 0, needs 1")
	f.want("transfer 0 0 1", "refused: from and to are both account 0")
	f.want("transfer 3 0 1", "refused: no account 3, the last is 2")
	f.want("transfer 0 18446744073709551615 1", "refused: no account 18446744073709551615, the last is 2")
	f.want("transfer 0 1 18446744073709551615", "refused: account 0 holds 750, needs 18446744073709551615")
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if v := f.verdict(&l.audit); !v.Clean() {
		t.Errorf("%+v", v)
	}
}

func TestLedgerMalformed(t *testing.T) {
	f, _ := openLedger(t, 4, 10)
	for _, payload := range []string{
		"transfer", "transfer 0 1", "transfer 0 1 0", "transfer 0 1 1 ", "transfer  0 1 1", "transfer 00 1 1", "transfer 0 1 +1",
		"transfer 0 1 -1", "transfer 0 1 18446744073709551616", "transfer 0 1 99999999999999999999", "transfer 0 1 1\n",
		"Transfer 0 1 1", "open", "open 1kib", "open 1 KiB", "open 18446744073709551615GiB", "open 1KiB x", "open 1KiB 1 1", " transfer 0 1 1",
	} {
		_, err := f.try([]byte(payload))
		mustFail(t, err, ErrPayload, payload)
	}
}

// The largest sum possible: no balance wraps.
func TestLedgerLargestSum(t *testing.T) {
	f, l := openLedger(t, 2, maximumTotal/2)
	f.want("transfer 0 1 4611686018427387903", "moved 4611686018427387903: 0=0 1=9223372036854775806")
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}

// sliceLedger is the naive twin.
type sliceLedger []uint64

func (m sliceLedger) transfer(from, to, amount uint64) string {
	n := uint64(len(m))
	switch {
	case from >= n || to >= n:
		return fmt.Sprintf("refused: no account %d, the last is %d", max(from, to), n-1)
	case from == to:
		return fmt.Sprintf("refused: from and to are both account %d", from)
	case m[from] < amount:
		return fmt.Sprintf("refused: account %d holds %d, needs %d", from, m[from], amount)
	}
	m[from] -= amount
	m[to] += amount
	return fmt.Sprintf("moved %d: %d=%d %d=%d", amount, from, m[from], to, m[to])
}

func newSliceLedger(n int, balance uint64) sliceLedger {
	m := make(sliceLedger, n)
	for i := range m {
		m[i] = balance
	}
	return m
}

// Random transfers against the twin; the sum never changes, nor does a restart show.
func TestLedgerModel(t *testing.T) {
	rng := seeded(t)
	for range 20 {
		n := 2 + rng.IntN(200)
		f, l := openLedger(t, uint64(n), 100)
		m := newSliceLedger(n, 100)
		for range 500 {
			from, to, amount := rng.Uint64N(uint64(n)+1), rng.Uint64N(uint64(n)+1), 1+rng.Uint64N(120)
			f.want(string(transferPayload(nil, from, to, amount)), m.transfer(from, to, amount))
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		back := NewLedger()
		if err := back.Restore(bytes.NewReader(stateOf(t, l))); err != nil {
			t.Fatal(err)
		}
		for i, want := range m {
			if got := back.book.describe(uint64(i)).Balance; got != want {
				t.Fatalf("account %d holds %d, want %d", i, got, want)
			}
		}
		back.Close()
	}
}

// A state really carries its size, and its content is not a pattern: hardly any two blocks of
// 32 bytes are the same.
func TestLedgerContentIsDistinct(t *testing.T) {
	_, l := openLedger(t, 1<<14, 1000)
	state := stateOf(t, l)
	if len(state) < 1<<20 {
		t.Fatalf("%d bytes of state for 1 MiB", len(state))
	}
	seen := map[string]bool{}
	accounts := state[len(state)-sealSize-1<<20:]
	for ; len(accounts) > sealSize; accounts = accounts[accountSize:] {
		if ref := string(accounts[offReference:accountSize]); seen[ref] {
			t.Fatalf("reference %x twice", ref)
		} else {
			seen[ref] = true
		}
	}
	if len(seen) != 1<<14 {
		t.Errorf("%d references", len(seen))
	}
}

// Several slabs, the last one partly used, and a last page partly used.
func TestLedgerAcrossSlabs(t *testing.T) {
	accounts := uint64(2*slabAccounts + 37)
	f, l := openLedger(t, accounts, 10)
	v := shot(t, l)
	first := written(t, v)
	f.send(string(transferPayload(nil, 0, accounts-1, 3)))
	f.send(string(transferPayload(nil, slabAccounts-1, slabAccounts, 3)))
	if !bytes.Equal(first, written(t, v)) {
		t.Error("the view changed")
	}
	back := NewLedger()
	defer back.Close()
	if err := back.Restore(bytes.NewReader(stateOf(t, l))); err != nil {
		t.Fatal(err)
	}
	if got := back.book.describe(accounts - 1).Balance; got != 13 {
		t.Errorf("last account holds %d", got)
	}
	if err := back.Check(); err != nil {
		t.Error(err)
	}
}

// Views taken at different moments, closed in any order, each keep showing their own.
func TestLedgerManyViews(t *testing.T) {
	rng := seeded(t)
	f, l := openLedger(t, 300, 100)
	type kept struct {
		v    io.WriterTo
		want []byte
	}
	var views []kept
	for range 400 {
		switch n := rng.IntN(10); {
		case n == 0 && len(views) < 6:
			views = append(views, kept{v: shot(t, l), want: stateOf(t, l)})
		case n == 1 && len(views) > 0:
			i := rng.IntN(len(views))
			views[i].v.(io.Closer).Close()
			_, err := views[i].v.WriteTo(io.Discard)
			mustFail(t, err, ErrClosed, "writing a closed view")
			views = append(views[:i], views[i+1:]...)
		default:
			f.send(string(transferPayload(nil, rng.Uint64N(300), rng.Uint64N(300), 1+rng.Uint64N(50))))
		}
		for i, k := range views {
			if !bytes.Equal(k.want, written(t, k.v)) {
				t.Fatalf("view %d of %d changed", i, len(views))
			}
		}
	}
	for _, k := range views {
		k.v.(io.Closer).Close()
		k.v.(io.Closer).Close()
	}
	if len(l.book.shadows) != 0 || l.book.users != 1 {
		t.Errorf("%d shadows and %d users remain", len(l.book.shadows), l.book.users)
	}
}

// A view outlives its ledger, by Close and by Restore, and the memory goes with the last user.
func TestLedgerViewOutlives(t *testing.T) {
	_, l := openLedger(t, 100, 1)
	b := l.book
	want := stateOf(t, l)
	v := shot(t, l)
	w := shot(t, l)
	l.Close()
	l.Close()
	if !bytes.Equal(want, written(t, v)) {
		t.Error("the view changed")
	}
	v.(io.Closer).Close()
	if b.slabs.list == nil {
		t.Fatal("memory gone with a view open")
	}
	w.(io.Closer).Close()
	if b.slabs.list != nil {
		t.Error("memory kept for no one")
	}
	_, err := l.Process(feed(t, l).event([]byte("transfer 0 1 1")))
	mustFail(t, err, ErrClosed, "Process")
	_, err = l.Snapshot()
	mustFail(t, err, ErrClosed, "Snapshot")
	_, err = l.Inspect(nil)
	mustFail(t, err, ErrClosed, "Inspect")
	mustFail(t, l.Restore(bytes.NewReader(want)), ErrClosed, "Restore")
}

func TestLedgerRestoreReplaces(t *testing.T) {
	_, small := openLedger(t, 2, 1)
	f, l := openLedger(t, 100, 1)
	old := l.book
	if err := l.Restore(bytes.NewReader(stateOf(t, small))); err != nil {
		t.Fatal(err)
	}
	if old.slabs.list != nil {
		t.Error("the old accounts are still there")
	}
	f.want("transfer 0 1 1", "moved 1: 0=0 1=2")
}

// States with a right checksum that break the rules of a ledger.
func TestLedgerHostileAccounts(t *testing.T) {
	f, l := openLedger(t, 5, 100)
	f.send("transfer 0 1 10")
	state := stateOf(t, l)
	accounts := len(state) - sealSize - 5*accountSize
	put := func(at int, n uint64) func([]byte) {
		return func(b []byte) { binary.BigEndian.PutUint64(b[at:], n) }
	}
	for what, change := range map[string]func([]byte){
		"money from nowhere":       put(accounts+offBalance, 91),
		"more than all":            put(accounts+offBalance, 1<<63),
		"a payment not made":       put(accounts+offSent, 2),
		"a wrapped counter":        put(accounts+offReceived, ^uint64(0)),
		"another reference":        put(accounts+accountSize+offReference, 1),
		"one account less":         put(accounts-ledgerHead, 4),
		"one account more":         put(accounts-ledgerHead, 6),
		"another opening balance":  put(accounts-ledgerHead+8, 101),
		"an impossible sum":        put(accounts-ledgerHead+8, 1<<62),
		"another transfer counter": put(accounts-ledgerHead+16, 0),
	} {
		altered := bytes.Clone(state)
		change(altered)
		mustFail(t, NewLedger().Restore(bytes.NewReader(reseal(altered))), ErrSnapshot, what)
	}
}

// Check finds what only broken memory could cause.
func TestLedgerCheck(t *testing.T) {
	_, l := openLedger(t, 5, 100)
	l.book.account(3)[offBalance+7]++
	mustFail(t, l.Check(), ErrInvariant, "one too much")
	if answer, err := l.Inspect([]byte("check")); err != nil || !bytes.Contains(answer, []byte(`"ok":false`)) {
		t.Errorf("%s, %v", answer, err)
	}
	if err := NewLedger().Check(); err != nil {
		t.Errorf("before the opening: %v", err)
	}
}

// While a view is open, an account costs one image however often it changes.
func TestShadowCost(t *testing.T) {
	f, l := openLedger(t, 1000, 1000)
	shot(t, l)
	for range 50 {
		f.send("transfer 1 2 1")
	}
	if got := l.book.shadows[0].used; got != 2 {
		t.Errorf("%d images of 2 accounts", got)
	}
}

// The images of one view fill several slabs.
func TestShadowGrows(t *testing.T) {
	accounts := uint64(3 * slabImages)
	f, l := openLedger(t, accounts, 1000)
	v := shot(t, l)
	want := written(t, v)
	for n := uint64(0); n+1 < accounts; n += 2 {
		f.send(string(transferPayload(nil, n, n+1, 1)))
	}
	if !bytes.Equal(want, written(t, v)) {
		t.Error("the view changed")
	}
	if got := l.book.shadows[0].images.used; got != 3 {
		t.Errorf("%d slabs of images, want 3", got)
	}
}
