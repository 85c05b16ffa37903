package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// receipts adds up what became of the events that were sent.
type receipts struct {
	a     *app
	f     sendFlags
	began time.Time
	json  *json.Encoder

	mu    sync.Mutex // guards sent and heard
	sent  []time.Time
	heard time.Time // when the newest receipt came; zero before the first

	acknowledged, duplicates, refused uint64
	first, last                       client.Receipt // of those acknowledged
	problem                           *client.Problem
	acks                              *hdrhistogram.Histogram // microseconds
}

// sendSummary is the last line of "peer send --json".
type sendSummary struct {
	Type         string        `json:"type"`
	Acknowledged uint64        `json:"acknowledged"`
	Duplicates   uint64        `json:"duplicates"`
	Refused      uint64        `json:"refused"`
	First        uint64        `json:"first_sequence"`
	Last         uint64        `json:"last_sequence"`
	Epoch        uint64        `json:"epoch"`
	Elapsed      time.Duration `json:"elapsed_ns"`
	P50          time.Duration `json:"ack_p50_ns"`
	P99          time.Duration `json:"ack_p99_ns"`
	Max          time.Duration `json:"ack_max_ns"`
}

// maxAck is the longest acknowledgment that is told apart: an hour.
const maxAck = int64(time.Hour / time.Microsecond)

// newReceipts begins to count the time.
func newReceipts(a *app, f sendFlags) *receipts {
	return &receipts{a: a, f: f, began: time.Now(), json: json.NewEncoder(a.out), acks: hdrhistogram.New(1, maxAck, 3)}
}

// sending notes when an event leaves. Receipts come in the same order, so the oldest is the next.
func (r *receipts) sending(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, now)
}

// answered notes a receipt, and returns how long the oldest event has waited for it.
func (r *receipts) answered(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = now
	if len(r.sent) == 0 {
		return 0
	}
	at := r.sent[0]
	r.sent = r.sent[1:]
	return now.Sub(at)
}

// waiting reports whether no receipt has come for longer than is allowed, while one is awaited. How long the oldest
// event has waited says little: many are in flight, and each waits for all before it.
func (r *receipts) waiting(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent) == 0 {
		return false
	}
	since := r.sent[0]
	if r.heard.After(since) {
		since = r.heard
	}
	return now.Sub(since) >= r.f.timeout
}

// received is what came from the stream.
type received struct {
	client.Receipt
	err error
}

// receive passes on what comes from the stream, so that it can be waited for beside other things.
func receive(ctx context.Context, s *client.Stream) <-chan received {
	items := make(chan received)
	go func() {
		for {
			got, err := s.Receive()
			select {
			case items <- received{got, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return items
}

// collect takes receipts until the last one, or until none has come for too long.
func (r *receipts) collect(ctx context.Context, s *client.Stream) error {
	items := receive(ctx, s)
	look := time.NewTicker(min(r.f.timeout, time.Second))
	defer look.Stop()
	for {
		select {
		case it := <-items:
			switch {
			case errors.Is(it.err, io.EOF):
				return nil
			case it.err != nil:
				return r.broken(it.err)
			}
			if err := r.take(it.Receipt); err != nil {
				return r.unheard(err)
			}
		case <-look.C:
			if r.waiting(time.Now()) {
				return r.late()
			}
		case <-ctx.Done():
			return r.broken(client.Problemf(client.CodeInterrupted, "interrupted", "interrupted"))
		}
	}
}

// take adds one receipt.
func (r *receipts) take(got client.Receipt) error {
	waited := r.answered(time.Now())
	switch {
	case got.Problem != nil:
		r.refused++
		if r.problem == nil {
			r.problem = got.Problem
		}
	default:
		if r.acknowledged == 0 {
			r.first = got
		}
		r.acknowledged++
		r.last = got
		if got.Duplicate {
			r.duplicates++
		}
		_ = r.acks.RecordValue(min(max(waited.Microseconds(), 1), maxAck)) // in range by construction
	}
	if !r.a.json {
		return nil
	}
	return r.json.Encode(struct {
		Type string `json:"type"`
		client.Receipt
	}{"receipt", got})
}

// broken completes an error after which some events may or may not have been applied.
func (r *receipts) broken(err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	r.mu.Lock()
	open := len(r.sent)
	r.mu.Unlock()
	if open > 0 && (p.Kind == "interrupted" || p.Kind == "node_gone" || p.Kind == "deadline" || p.Kind == "output") {
		p.Now("%s acknowledged; %d more may or may not have been applied", number(r.acknowledged), open).Then("%s", r.again())
	}
	if open == 0 && (p.Kind == "interrupted" || p.Kind == "output") {
		p.Now("%s acknowledged; no other was submitted", number(r.acknowledged))
	}
	return p
}

// unheard: a receipt could not be written, so that nobody would hear of the next ones. What was refused is said all the same.
func (r *receipts) unheard(err error) error {
	if r.problem != nil {
		return r.problem
	}
	return r.broken(unwritten(err))
}

// late gives up without knowing. The events that are out may still be applied.
func (r *receipts) late() error {
	return r.broken(client.Problemf(client.CodeDeadline, "deadline", "no receipt has come for %s: the daemon may be moving, its node may be gone, or the node's disk may be full", r.f.timeout))
}

// again is how to learn what became of the rest.
func (r *receipts) again() string {
	if r.f.numbered {
		return "the same command again: what was applied is not applied twice"
	}
	return "peer daemon show " + client.Quote(r.f.daemon)
}

// summarize prints the figures first and then reports the first refusal, whose code becomes the exit code.
func (r *receipts) summarize() error {
	s := sendSummary{
		Type: "summary", Acknowledged: r.acknowledged, Duplicates: r.duplicates, Refused: r.refused,
		First: r.first.Sequence, Last: r.last.Sequence, Epoch: r.last.Epoch, Elapsed: time.Since(r.began),
		P50: r.quantile(50), P99: r.quantile(99), Max: time.Duration(r.acks.Max()) * time.Microsecond,
	}
	err := r.a.print(s, func(w io.Writer) { r.write(w, s) })
	if r.problem == nil {
		return err
	}
	return r.problem
}

// quantile is how long q percent of the acknowledgments took at most.
func (r *receipts) quantile(q float64) time.Duration {
	return time.Duration(r.acks.ValueAtQuantile(q)) * time.Microsecond
}

// write prints one event's receipt with what came out of it, or the figures of many.
func (r *receipts) write(w io.Writer, s sendSummary) {
	if s.Acknowledged+s.Refused == 1 {
		if s.Acknowledged == 1 {
			writeReceipt(w, r.last, r.a.shown)
		}
		return
	}
	fmt.Fprintf(w, "%s acknowledged, %s of them repeats, %s refused", number(s.Acknowledged), number(s.Duplicates), number(s.Refused))
	if s.Acknowledged > 0 {
		fmt.Fprintf(w, "; sequences %s..%s, epoch %d", number(s.First), number(s.Last), s.Epoch)
	}
	fmt.Fprintf(w, "\nack p50 %s p99 %s max %s, %s in all\n", span(s.P50), span(s.P99), span(s.Max), span(s.Elapsed))
}

// writeReceipt prints outputs as the text that they are for the built-in kinds.
func writeReceipt(w io.Writer, r client.Receipt, shown func(string) string) {
	repeat := ""
	if r.Duplicate {
		repeat = "  (a repeat: it had been applied before)"
	}
	fmt.Fprintf(w, "sequence %s  epoch %d%s\n", number(r.Sequence), r.Epoch, repeat)
	for _, out := range r.Outputs {
		fmt.Fprintf(w, "%s\n", shown(strings.ToValidUTF8(string(out), "?")))
	}
}
