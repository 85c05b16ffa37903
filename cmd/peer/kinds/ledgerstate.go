package kinds

import (
	"bytes"
	"encoding/binary"
	"io"
)

// ledgerHead is the fixed part of a ledger's state: accounts, opening balance, transfers, 8
// bytes each, big endian; 0, 0, 0 before the opening. The accounts follow in order.
const ledgerHead = 3 * 8

// ledgerView is a ledger as it was at its snapshot.
type ledgerView struct {
	book   *book   // nil before the opening
	shadow *shadow // nil before the opening
	audit  []byte
	head   [ledgerHead]byte
}

// Snapshot opens a view of the present state. It takes microseconds whatever the size of the
// state (the audit is encoded, a few hundred bytes per producer). The view has Len() int64,
// writes the same bytes any number of times, and costs 72 bytes for each account that changes
// while it is open: close it.
func (l *Ledger) Snapshot() (io.WriterTo, error) {
	if l.closed {
		return nil, ErrClosed
	}
	v := &ledgerView{audit: l.audit.Append(nil)}
	if l.book == nil {
		return v, nil
	}
	v.book, v.shadow = l.book, l.book.openShadow()
	for i, n := range [...]uint64{l.book.accounts, l.book.opening, l.transfers} {
		binary.BigEndian.PutUint64(v.head[8*i:], n)
	}
	return v, nil
}

// Len returns the exact number of bytes WriteTo writes.
func (v *ledgerView) Len() int64 {
	part := int64(ledgerHead)
	if v.book != nil {
		part += int64(v.book.accounts * accountSize)
	}
	return sealedSize(len(v.audit), part)
}

// WriteTo writes the state, 16 KiB at a time. The ledger goes on beside it; no lock is held
// while w is written to. After Close it fails with ErrClosed.
func (v *ledgerView) WriteTo(w io.Writer) (int64, error) {
	s := newSealWriter(w, ledgerMagic, v.audit)
	s.write(v.head[:])
	if v.book == nil {
		return s.finish()
	}
	piece := new([stripeAccounts * accountSize]byte)
	for first := uint64(0); first < v.book.accounts && s.err == nil; {
		n, open := v.book.read(v.shadow, first, piece)
		if !open {
			return s.n, ErrClosed
		}
		s.write(piece[:n])
		first += uint64(n) / accountSize
	}
	return s.finish()
}

// Close frees what only this view needed. Closing again does nothing.
func (v *ledgerView) Close() error {
	if v.book != nil && v.book.closeShadow(v.shadow) {
		v.book.release()
	}
	return nil
}

// Restore replaces the state by what a view wrote. The accounts are read straight to where they
// stay, 4 MiB at a time as they arrive: nothing is allocated from the size that the bytes claim.
// Bytes that no ledger could have written give an error matching ErrSnapshot and leave the state
// as it was; until then the old state and the new one are both in memory.
func (l *Ledger) Restore(r io.Reader) error {
	if l.closed {
		return ErrClosed
	}
	s, audit := newSealReader(r, ledgerMagic)
	accounts, opening, transfers := s.uint64(), s.uint64(), s.uint64()
	b, err := restoreBook(s, accounts, opening, transfers)
	if err == nil {
		err = s.finish()
	}
	if err != nil {
		if b != nil {
			b.release()
		}
		return err
	}
	if l.book != nil {
		l.book.release()
	}
	l.book, l.transfers, l.audit = b, transfers, audit
	return nil
}

// restoreBook reads the accounts; nil for a ledger that was not open. With an error it may
// return a book for the caller to release.
func restoreBook(s *sealReader, accounts, opening, transfers uint64) (*book, error) {
	if accounts == 0 && opening == 0 && transfers == 0 {
		return nil, s.err
	}
	if accounts < minimumSize/accountSize || accounts > MaxLedgerSize/accountSize || opening > maximumTotal/accounts {
		s.fail("%d accounts of %d cannot be", accounts, opening)
	}
	if s.err != nil {
		return nil, s.err
	}
	b := newBook(accounts, opening)
	var sums totals
	err := b.fill(func(first uint64, records []byte) error {
		s.read(records)
		if s.err == nil && !(referencesHold(first, records) && sums.add(records)) {
			s.fail("accounts from %d on are not a ledger's", first)
		}
		return s.err
	})
	if err != nil {
		return b, err
	}
	if err := sums.check(b, transfers); err != nil {
		s.fail("%s", err)
	}
	return b, s.err
}

// referencesHold reports whether each account has the reference it was opened with.
func referencesHold(first uint64, records []byte) bool {
	var fresh [accountSize]byte
	for n := first; len(records) > 0; n++ {
		putReference(fresh[:], n)
		if !bytes.Equal(fresh[offReference:], records[offReference:accountSize]) {
			return false
		}
		records = records[accountSize:]
	}
	return true
}

// Close gives the memory back at once instead of when the collector notices. The ledger serves
// no more; views that are still open do.
func (l *Ledger) Close() error {
	if l.book != nil {
		l.book.release()
	}
	l.book, l.closed = nil, true
	return nil
}
