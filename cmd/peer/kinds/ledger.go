package kinds

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/ferrymesh/ferry/daemon"
)

// Limits of a ledger.
const (
	// MaxLedgerSize is the most bytes of accounts that an opening may ask for. It protects
	// the nodes, since everyone who may submit may open.
	MaxLedgerSize = 16 << 30
	// DefaultBalance is what every account holds if the opening does not say.
	DefaultBalance = 1000
)

const (
	ledgerMagic  = "ferryLG1"
	ledgerForms  = `"open SIZE [BALANCE]" or "transfer FROM TO AMOUNT"`
	minimumSize  = 2 * accountSize // a transfer needs two
	maximumTotal = math.MaxInt64
)

// Ledger is a daemon of the kind "ledger": double-entry transfers between numbered accounts.
// Its invariant: the sum of all accounts never changes. The package documentation has its
// commands.
//
// The daemon methods and Inspect are for one goroutine at a time, as the host calls them; the
// views of Snapshot are used beside them freely.
type Ledger struct {
	book      *book // nil until the opening, and after Close
	transfers uint64
	audit     Audit
	closed    bool
}

// NewLedger returns a ledger without accounts, waiting for its opening.
func NewLedger() *Ledger { return new(Ledger) }

// transfer is one parsed command of that name.
type transfer struct{ from, to, amount uint64 }

// Process applies one event: an opening or a transfer. What is understood but cannot be done,
// say for want of funds, is an applied event with an output that begins "refused:"; what is not
// understood is an error matching ErrPayload.
func (l *Ledger) Process(ev daemon.Event) ([][]byte, error) {
	if l.closed {
		return nil, ErrClosed
	}
	out, err := l.apply(ev)
	if err == nil {
		l.audit.Record(ev)
	}
	return out, err
}

func (l *Ledger) apply(ev daemon.Event) ([][]byte, error) {
	name, rest, _ := cutWord(ev.Payload)
	switch string(name) {
	case "transfer":
		if t, ok := parseTransfer(rest); ok {
			return l.transfer(ev.Link.Sequence, t)
		}
	case "open":
		if size, balance, ok := parseOpen(rest); ok {
			return l.open(size, balance)
		}
	}
	return nil, malformed("ledger", ledgerForms, ev.Payload)
}

// parseTransfer reads "FROM TO AMOUNT". Moving nothing is not a transfer.
func parseTransfer(b []byte) (t transfer, ok bool) {
	from, rest, _ := cutWord(b)
	to, amount, _ := cutWord(rest)
	var okFrom, okTo, okAmount bool
	t.from, okFrom = parseUint(from)
	t.to, okTo = parseUint(to)
	t.amount, okAmount = parseUint(amount)
	return t, okFrom && okTo && okAmount && t.amount > 0
}

// parseOpen reads "SIZE [BALANCE]".
func parseOpen(b []byte) (size, balance uint64, ok bool) {
	sizeWord, rest, more := cutWord(b)
	if size, ok = parseSize(sizeWord); !ok || !more {
		return size, DefaultBalance, ok
	}
	balance, ok = parseUint(rest)
	return size, balance, ok
}

// open makes the accounts. It takes about 0.6 s per GiB, most of it the system's handing out
// of memory: the accounts exist from here on, they are not imagined until touched.
func (l *Ledger) open(size, balance uint64) ([][]byte, error) {
	accounts := (size + accountSize - 1) / accountSize
	switch {
	case l.book != nil:
		return refused("already open with %d accounts", l.book.accounts), nil
	case size < minimumSize || size > MaxLedgerSize:
		return refused("size %d is not between %d and %d bytes", size, minimumSize, MaxLedgerSize), nil
	case balance > maximumTotal/accounts:
		return refused("%d accounts of %d exceed the largest sum, %d", accounts, balance, uint64(maximumTotal)), nil
	}
	b := newBook(accounts, balance)
	if err := b.fill(b.openRecords); err != nil {
		b.release()
		return nil, err
	}
	l.book = b
	return text("opened %d accounts of %d", accounts, balance), nil
}

// transfer moves an amount between two accounts, both or neither.
func (l *Ledger) transfer(seq uint64, t transfer) ([][]byte, error) {
	b := l.book
	switch {
	case b == nil:
		return refused("not open yet"), nil
	case t.from >= b.accounts || t.to >= b.accounts:
		return refused("no account %d, the last is %d", max(t.from, t.to), b.accounts-1), nil
	case t.from == t.to:
		return refused("from and to are both account %d", t.from), nil
	}
	b.locks.lockPair(t.from, t.to)
	defer b.locks.unlockPair(t.from, t.to)
	if held := balanceOf(b.account(t.from)); held < t.amount {
		return refused("account %d holds %d, needs %d", t.from, held, t.amount), nil
	}
	// Both are taken before either is written: for want of memory this fails with nothing
	// changed.
	from, errFrom := b.change(t.from)
	to, errTo := b.change(t.to)
	if err := errors.Join(errFrom, errTo); err != nil {
		return nil, err
	}
	post(from, seq, -t.amount, offSent)
	post(to, seq, t.amount, offReceived)
	l.transfers++
	return [][]byte{moved(t, balanceOf(from), balanceOf(to))}, nil
}

// field reads one of an account's numbers.
func field(record []byte, at int) uint64 { return binary.BigEndian.Uint64(record[at:]) }

func balanceOf(record []byte) uint64 { return field(record, offBalance) }

// post enters one side of a transfer; delta is negative in two's complement for the payer. The
// receiver's balance cannot wrap: the sum of all accounts fits.
func post(record []byte, seq, delta uint64, counter int) {
	binary.BigEndian.PutUint64(record[offBalance:], balanceOf(record)+delta)
	binary.BigEndian.PutUint64(record[offLast:], seq)
	binary.BigEndian.PutUint64(record[counter:], field(record, counter)+1)
}

// moved is the output of a transfer: "moved AMOUNT: FROM=BALANCE TO=BALANCE".
func moved(t transfer, from, to uint64) []byte {
	out := append(make([]byte, 0, 64), "moved "...)
	out = strconv.AppendUint(out, t.amount, 10)
	out = strconv.AppendUint(append(out, ": "...), t.from, 10)
	out = strconv.AppendUint(append(out, '='), from, 10)
	out = strconv.AppendUint(append(out, ' '), t.to, 10)
	return strconv.AppendUint(append(out, '='), to, 10)
}
