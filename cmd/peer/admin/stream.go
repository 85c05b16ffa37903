package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/node"
)

// maxUnanswered is how many events of one stream may lack a receipt, or have one that the client has not
// read.
const maxUnanswered = 512

// stream submits events as they arrive and answers with receipts as they come, on one connection. Reading
// and writing overlap, so neither side has to know how much the other can hold.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	to, err := s.producer(r.Context(), r.PathValue("daemon"), query.Get("label"), query.Get("via"))
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	// The deadline at the end can hit the server's own look at the connection, which then takes the client of the
	// next request on it for gone. So there is no next one.
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusOK)
	_ = control.Flush() // so that the client learns that it may go on; a lost one is noticed below
	ctx, stop := context.WithCancel(r.Context())
	f := &feed{to: to, receipts: make(chan client.Receipt, maxUnanswered+1), room: make(chan struct{}, maxUnanswered)}
	var reader sync.WaitGroup
	reader.Go(func() { f.read(ctx, r.Body) })
	f.write(ctx, w, control)
	// The server takes the body back when this returns, so nobody may be reading it by then. A client that
	// has said everything has ended the reading; for the others the deadline does.
	stop()
	_ = control.SetReadDeadline(time.Unix(1, 0))
	reader.Wait()
	return nil
}

// feed is one stream of events. Each event takes a place in room before it is submitted and gives it back
// when its receipt has been written, so receipts never fills up and the node never waits for a client.
type feed struct {
	to       *addressee
	receipts chan client.Receipt // closed by read once no more can come
	room     chan struct{}
}

// read submits until the client has said everything, or something that is no event. What follows that is
// read away: the server cannot go on with a body that was read in part while it was answered.
func (f *feed) read(ctx context.Context, body io.Reader) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), MaxBody)
	err := f.submitAll(ctx, lines)
	// Every place taken back means that every receipt has come and been written. A channel to which one may
	// still come must not be closed: the node would panic on it.
	for range cap(f.room) {
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	if err != nil {
		f.receipts <- client.Receipt{Problem: problemOf(err)}
		_, _ = io.Copy(io.Discard, body)
	}
	close(f.receipts)
}

// submitAll keeps the order of the lines: it alone submits, and waits for room before it does.
func (f *feed) submitAll(ctx context.Context, lines *bufio.Scanner) error {
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var in client.Submission
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			return client.Problemf(client.CodeUsage, "bad_request", "a line of the stream is no event: %v", err)
		}
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f.to.GoAs(ctx, in.Seq, in.Payload, f.done(in.Seq)); err != nil {
			<-f.room
			return f.to.problem(err)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return client.Problemf(client.CodeRefused, "too_large", "the stream cannot be read on: %v", err)
	}
	return nil
}

// done takes the answer to one event, on the node's own goroutine. There is always room for it.
func (f *feed) done(seq uint64) func(node.Receipt, error) {
	return func(r node.Receipt, err error) {
		if err != nil {
			f.receipts <- client.Receipt{ProducerSeq: seq, Problem: f.to.problem(err)}
			return
		}
		f.receipts <- receiptOf(r)
	}
}

// write answers until read is done or the client has gone. It flushes when nothing more is at hand.
func (f *feed) write(ctx context.Context, w io.Writer, control *http.ResponseController) {
	out := json.NewEncoder(w)
	for {
		select {
		case r, more := <-f.receipts:
			if !more {
				return
			}
			if out.Encode(r) != nil {
				return
			}
			if len(f.receipts) == 0 && control.Flush() != nil {
				return
			}
			f.leave()
		case <-ctx.Done():
			return
		}
	}
}

// leave gives one place back. The receipt that reports a bad line has none.
func (f *feed) leave() {
	select {
	case <-f.room:
	default:
	}
}
