package kinds

import (
	"fmt"
	"math"
	"runtime"
)

// Check counts everything anew and compares: the sum of the accounts with the sum at the
// opening, and the transfers that accounts paid and were paid with those made. It reads all
// accounts (about 0.2 s per GiB); an error matches ErrInvariant.
func (l *Ledger) Check() error {
	if l.book == nil {
		return nil
	}
	t := l.book.tally()
	return t.check(l.book, l.transfers)
}

// totals are sums over accounts.
type totals struct{ held, sent, received uint64 }

// add counts a run of records. It reports false if a sum would exceed what any ledger can hold.
func (t *totals) add(records []byte) bool {
	for ; len(records) > 0; records = records[accountSize:] {
		held, sent, received := balanceOf(records), field(records, offSent), field(records, offReceived)
		if held > maximumTotal-t.held || sent > math.MaxUint64-t.sent || received > math.MaxUint64-t.received {
			return false
		}
		t.held, t.sent, t.received = t.held+held, t.sent+sent, t.received+received
	}
	return true
}

func (t *totals) check(b *book, transfers uint64) error {
	if t.held != b.total() || t.sent != transfers || t.received != transfers {
		return fmt.Errorf("%w: ledger: accounts hold %d of %d, paid %d and were paid %d times in %d transfers",
			ErrInvariant, t.held, b.total(), t.sent, t.received, transfers)
	}
	return nil
}

// tally adds up all accounts.
func (b *book) tally() (t totals) {
	defer runtime.KeepAlive(b)
	for first := uint64(0); first < b.accounts; first += slabAccounts {
		if !t.add(b.run(first)) {
			return totals{}
		}
	}
	return t
}
