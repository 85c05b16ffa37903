package kinds

import (
	"encoding/binary"
	"runtime"
)

// Layout of one account, 64 bytes, so that it is one cache line. Integers are big endian.
const (
	offBalance   = 0  // 8: what it holds
	offLast      = 8  // 8: log sequence of the newest transfer it took part in, 0 for none
	offSent      = 16 // 8: transfers it paid
	offReceived  = 24 // 8: transfers it was paid
	offReference = 32 // 32: drawn from its number at the opening, never changed
	accountSize  = 64

	pageAccounts = 64 // accounts of a page: one bit each in a word of a shadow
	pageSize     = pageAccounts * accountSize
	slabAccounts = slabSize / accountSize
)

// book holds the accounts of one ledger: a flat array of 64-byte records in slabs. It outlives
// the ledger it belonged to for as long as a view of it is open.
//
// A snapshot copies nothing and stops nothing. It opens a shadow, which is empty; from then on
// the first change of an account moves its 64 bytes into the newest shadow before they are
// overwritten. A view is read as the live accounts with its shadow, and all newer ones, laid
// over them. The alternative, copying each 4 KiB page on its first write after the snapshot,
// was rejected for its memory: 2,000 transfers a second at random copy 16 MB a second, a third
// of a 1 GiB state within half a minute. Records cost 1/50 of that, and no page table has to be
// copied while the daemon waits.
//
// The price is that reading a view takes locks, each for four pages and about 2 µs (stripes).
type book struct {
	accounts uint64 // fixed at the opening
	opening  uint64 // balance of every account at the opening

	locks stripes

	// Guarded by locks: any one to read, all to change. The accounts in the slabs, and what a
	// shadow holds of them, are guarded by their own stripe.
	slabs   *slabs
	shadows []*shadow // oldest first
	users   int       // the ledger and the open views; the memory goes with the last
}

// newBook returns a book without memory for its accounts yet (fill), used by one ledger.
func newBook(accounts, opening uint64) *book {
	b := &book{accounts: accounts, opening: opening, users: 1}
	bytes := accounts * accountSize
	b.slabs = newSlabs(b, divUp(bytes, slabSize), min(slabSize, divUp(bytes, pageSize)*pageSize))
	return b
}

// divUp returns n / unit, rounded up.
func divUp(n, unit uint64) uint64 { return (n + unit - 1) / unit }

// total is what all accounts hold together, now and for ever.
func (b *book) total() uint64 { return b.accounts * b.opening }

// pages returns the number of pages, the last of which may be partly used.
func (b *book) pages() uint64 { return divUp(b.accounts, pageAccounts) }

// run returns the accounts from number from on that lie side by side in one slab. It is the
// one place that turns numbers into memory.
func (b *book) run(from uint64) []byte {
	slab := b.slabs.list[from/slabAccounts]
	end := min(slabAccounts, b.accounts-from/slabAccounts*slabAccounts)
	return slab[from%slabAccounts*accountSize : end*accountSize]
}

// account returns the record of account n to read. The caller holds its lock, or is the ledger
// itself, beside which only views read.
func (b *book) account(n uint64) []byte { return b.run(n)[:accountSize:accountSize] }

// change returns the record of account n to write, its present bytes saved for the views that
// need them. The caller is the ledger and holds the account's lock.
func (b *book) change(n uint64) ([]byte, error) {
	rec := b.account(n)
	if k := len(b.shadows); k > 0 {
		if err := b.shadows[k-1].save(n, rec); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// fill adds memory for the next slab of accounts and lets write put them there, until all
// accounts exist. It serves the opening and the restore: memory grows only as fast as there is
// something to put into it. No one else may use the book yet.
func (b *book) fill(write func(first uint64, records []byte) error) error {
	defer runtime.KeepAlive(b)
	for first := uint64(0); first < b.accounts; first += slabAccounts {
		if err := b.slabs.grow(); err != nil {
			return err
		}
		if err := write(first, b.run(first)); err != nil {
			return err
		}
	}
	return nil
}

// release ends one use of the book.
func (b *book) release() {
	b.locks.lockAll()
	defer b.locks.unlockAll()
	if b.users--; b.users == 0 {
		b.slabs.free()
	}
}

// openRecords writes the accounts from first on as they are at the opening.
func (b *book) openRecords(first uint64, records []byte) error {
	for n := first; len(records) > 0; n++ {
		binary.BigEndian.PutUint64(records[offBalance:], b.opening)
		putReference(records, n)
		records = records[accountSize:]
	}
	return nil
}

// putReference draws the reference of account n: four words that no other account has.
func putReference(record []byte, n uint64) {
	ref := record[offReference:accountSize]
	for i := uint64(0); i < 4; i++ {
		binary.LittleEndian.PutUint64(ref[8*i:], mix(4*n+i))
	}
}
