package kinds

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
)

// ledgerAccounts answers "accounts".
type ledgerAccounts struct {
	Accounts  uint64 `json:"accounts"`
	Opening   uint64 `json:"opening_balance"`
	Bytes     uint64 `json:"bytes"`
	Transfers uint64 `json:"transfers"`
}

// ledgerSum answers "sum".
type ledgerSum struct {
	Sum     uint64 `json:"sum"`     // of all accounts, added up now
	Opening uint64 `json:"opening"` // what it was at the opening
}

// ledgerAccount answers "account".
type ledgerAccount struct {
	Account   uint64 `json:"account"`
	Balance   uint64 `json:"balance"`
	Sent      uint64 `json:"sent"`     // transfers paid
	Received  uint64 `json:"received"` // transfers it was paid
	Last      uint64 `json:"last"`     // log sequence of the newest transfer
	Reference string `json:"reference"`
}

// Inspect answers a query with one JSON object:
//
//	accounts      (also the empty query) how many, the opening balance, bytes, transfers made
//	account N     one account
//	sum           adds up all accounts, and what the sum was at the opening
//	check         recounts everything: {"ok":true}
//	audit         the producers on record; audit ID: the Report of one
//
// sum and check read every account, about 0.2 s per GiB, and transfers wait for it. Anything
// else is an error matching ErrQuery.
func (l *Ledger) Inspect(query []byte) ([]byte, error) {
	if l.closed {
		return nil, ErrClosed
	}
	name, arg, _ := strings.Cut(string(query), " ")
	var own any
	switch {
	case (name == "accounts" || name == "") && arg == "":
		own = l.inspectAccounts()
	case name == "sum" && arg == "":
		own = l.inspectSum()
	case name == "account":
		a, err := l.inspectAccount(arg)
		if err != nil {
			return nil, err
		}
		own = a
	}
	return answer(own, l, &l.audit, `"accounts", "account N", "sum", "check" or "audit PRODUCER"`, name, arg)
}

func (l *Ledger) inspectAccounts() ledgerAccounts {
	if l.book == nil {
		return ledgerAccounts{}
	}
	n := l.book.accounts
	return ledgerAccounts{Accounts: n, Opening: l.book.opening, Bytes: n * accountSize, Transfers: l.transfers}
}

func (l *Ledger) inspectSum() ledgerSum {
	if l.book == nil {
		return ledgerSum{}
	}
	return ledgerSum{Sum: l.book.tally().held, Opening: l.book.total()}
}

func (l *Ledger) inspectAccount(arg string) (ledgerAccount, error) {
	n, ok := parseUint([]byte(arg))
	if !ok || l.book == nil || n >= l.book.accounts {
		return ledgerAccount{}, fmt.Errorf("%w: no account %q", ErrQuery, arg)
	}
	return l.book.describe(n), nil
}

func (b *book) describe(n uint64) ledgerAccount {
	defer runtime.KeepAlive(b)
	rec := b.account(n)
	return ledgerAccount{
		Account: n, Balance: balanceOf(rec), Last: field(rec, offLast),
		Sent: field(rec, offSent), Received: field(rec, offReceived), Reference: hex.EncodeToString(rec[offReference:]),
	}
}
