package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// Stream submits many events over one connection, without waiting for each receipt. Receipts come in the
// order of the log, which is the order of submission except around refusals; ProducerSeq tells which event
// each is for. One goroutine may send while another receives.
type Stream struct {
	c    *Client
	ctx  context.Context
	stop context.CancelFunc

	mu   sync.Mutex // guards what is below
	w    *io.PipeWriter
	out  *bufio.Writer
	sent bool // the stream has been closed for sending

	opened  chan struct{} // closed when resp and err are set
	resp    *http.Response
	err     error
	receive *json.Decoder
}

// Stream opens a stream of events to a daemon under a producer's label. Via names a node that knows the
// daemon; empty is the asked one.
func (c *Client) Stream(ctx context.Context, daemon, label, via string) *Stream {
	ctx, stop := context.WithCancel(ctx)
	r, w := io.Pipe()
	s := &Stream{c: c, ctx: ctx, stop: stop, w: w, out: bufio.NewWriterSize(w, 64<<10), opened: make(chan struct{})}
	query := url.Values{"label": {label}, "via": {via}}
	go func() {
		defer close(s.opened)
		s.resp, s.err = c.do(ctx, http.MethodPost, eventsPath(daemon)+"?"+query.Encode(), "application/x-ndjson", r)
		if s.err != nil {
			r.CloseWithError(s.err)
			return
		}
		s.receive = json.NewDecoder(s.resp.Body)
	}()
	return s
}

// Send submits one event and returns when it is on its way. A seq of 0 lets the node count; mixing counted
// and chosen numbers on one label is the caller's risk. The error is that of the stream.
func (s *Stream) Send(seq uint64, payload []byte) error {
	line, err := json.Marshal(Submission{Seq: seq, Payload: payload})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return io.ErrClosedPipe
	}
	if _, err := s.out.Write(append(line, '\n')); err != nil {
		return err
	}
	return s.out.Flush()
}

// CloseSend says that no more events follow. Receive then returns io.EOF after the last receipt.
func (s *Stream) CloseSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return nil
	}
	s.sent = true
	return s.w.Close()
}

// Receive waits for the next receipt, or for the refusal of an event, which is a receipt with a Problem. It
// returns io.EOF after the last one; any other error means that what has no receipt yet may or may not
// have been applied.
func (s *Stream) Receive() (r Receipt, err error) {
	<-s.opened
	if s.err != nil {
		return r, s.err
	}
	if err := s.receive.Decode(&r); err != nil {
		if err == io.EOF {
			return r, io.EOF
		}
		return r, s.c.failed(s.ctx, err)
	}
	return r, nil
}

// Close ends the stream at once. What has no receipt yet may or may not have been applied.
func (s *Stream) Close() {
	s.stop()
	s.w.CloseWithError(io.ErrClosedPipe)
	<-s.opened
	if s.resp != nil {
		s.resp.Body.Close()
	}
}
