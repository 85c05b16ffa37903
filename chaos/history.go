package main

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// unknown is the return of an operation whose outcome nobody has heard of: it may take effect at any time.
const unknown = math.MaxInt64

// operation is one command to a key-value daemon, or one event of the audit load, and what became of it.
// Times are nanoseconds since the history began.
type operation struct {
	Producer crypto.ProducerID `json:"producer"`
	Seq      uint64            `json:"seq"`
	Call     int64             `json:"call"`
	Return   int64             `json:"return"` // unknown while there is no receipt
	Command  string            `json:"command"`
	Output   string            `json:"output,omitempty"`
	Sequence uint64            `json:"sequence,omitempty"`
	Epoch    uint64            `json:"epoch,omitempty"`
	Holder   string            `json:"holder,omitempty"`
	Repeat   bool              `json:"repeat,omitempty"`   // the daemon had applied it before it answered
	NoOutput bool              `json:"noOutput,omitempty"` // acknowledged as a repeat, whose output is gone
}

// acknowledged reports whether there is a receipt.
func (op *operation) acknowledged() bool { return op.Return != unknown }

// history records operations of many goroutines. Each operation is written by the one that began it.
type history struct {
	began time.Time

	mu  sync.Mutex // guards what is below
	ops []*operation
}

func newHistory() *history { return &history{began: time.Now()} }

// now is the time of the history.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// begin records an operation before anything of it leaves this process.
func (h *history) begin(p crypto.ProducerID, seq uint64, command string) *operation {
	op := &operation{Producer: p, Seq: seq, Call: h.now(), Return: unknown, Command: command}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
	return op
}

// end records the receipt. It is called once at most.
func (h *history) end(op *operation, r node.Receipt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	op.Return = h.now()
	op.Sequence, op.Epoch, op.Holder, op.Repeat = r.Sequence, r.Epoch, r.Holder.Hex(), r.Duplicate
	if len(r.Outputs) == 0 {
		op.NoOutput = true
		return
	}
	op.Output = string(r.Outputs[0])
}

// all returns a copy of everything so far.
func (h *history) all() []operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]operation, len(h.ops))
	for i, op := range h.ops {
		list[i] = *op
	}
	return list
}

// count returns how many operations have a receipt.
func (h *history) count() (n int) {
	for _, op := range h.all() {
		if op.acknowledged() {
			n++
		}
	}
	return n
}

// save writes the operations as JSON, one a line.
func save(path string, ops []operation) error {
	var b strings.Builder
	lines := json.NewEncoder(&b)
	for i := range ops {
		if err := lines.Encode(&ops[i]); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// number reads a decimal number that a daemon wrote.
func number(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}
