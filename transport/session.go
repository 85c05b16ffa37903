package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

// Rules of streams that a peer can break. Each ends the session.
var (
	errForeignRef  = fmt.Errorf("%w: a frame of another migration on an event stream", ErrBadStream)
	errHalfFrame   = fmt.Errorf("%w: it ended within a frame", ErrBadStream)
	errAssembly    = fmt.Errorf("%w: too many half-sent frames", ErrBadStream)
	errControlEnd  = fmt.Errorf("%w: a control or submit stream ended", ErrBadStream)
	errWrongStream = fmt.Errorf("%w: a stream of that kind has no place there", ErrBadStream)
	errNoReference = fmt.Errorf("%w: the first event frame does not name its migration", ErrBadStream)
)

// A session is one mux with its streams, from the hello to SessionDown.
//
// Goroutines: one supervisor; a reader and a writer for control and for submit;
// one that accepts streams; one per event stream in either direction; one per
// incoming snapshot until its header is read. They end when the mux does. The
// supervisor alone shuts the mux, waits for the others and reports the end, so
// that every method here returns at once.
type session struct {
	info  Session
	net   *network
	mux   mux
	guest *guest

	control, submit *outbox
	readers         [2]recvStream // control and submit, read from once running
	snapshots       chan struct{} // a token per snapshot stream we have open
	eventSlots      chan struct{} // a token per event stream we have open
	queued          atomic.Int64  // bytes over all outboxes

	ctx     context.Context // ends with the first call of end
	cancel  context.CancelCauseFunc
	endOnce sync.Once
	endErr  error // what SessionDown reports; it and the next two are set before ctx ends
	endCode Code
	endText string // what the peer is told

	running sync.WaitGroup // all goroutines but the supervisor

	mu     sync.Mutex
	down   bool // no goroutine may be added to running
	events map[wire.MigrationID]*outbox
}

// newSession wraps a mux and its two open pairs. The caller adds the guest's
// account and the info before it starts the session.
func newSession(n *network, m mux, control, submit stream) *session {
	s := &session{
		net: n, mux: m,
		readers:    [2]recvStream{control, submit},
		snapshots:  make(chan struct{}, n.cfg.Transfers),
		eventSlots: make(chan struct{}, n.cfg.Transfers),
		events:     make(map[wire.MigrationID]*outbox),
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	control.prioritize(urgencyControl)
	submit.prioritize(urgencySubmit)
	s.control, s.submit = newOutbox(s, control), newOutbox(s, submit)
	return s
}

// start begins to move frames. SessionUp has been delivered. It returns once
// all goroutines are running; supervise is left to the caller.
func (s *session) start() {
	s.spawn(s.control.run)
	s.spawn(s.submit.run)
	s.spawn(func() { s.readPair(wire.ChannelControl, s.readers[0]) })
	s.spawn(func() { s.readPair(wire.ChannelSubmit, s.readers[1]) })
	s.spawn(s.acceptStreams)
}

// spawn runs f unless the session is already winding up.
func (s *session) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return false
	}
	s.running.Go(f)
	return true
}

// supervise waits for the end, brings everything down and reports it.
func (s *session) supervise() {
	select {
	case <-s.ctx.Done():
	case <-s.mux.done():
		s.broken(s.mux.cause(nil))
	}
	// 1. No stream works from here on, so every goroutine that waits for one
	//    returns. Nothing happens here if the peer was faster.
	s.mux.shut(s.endCode, s.endText)
	// 2. None may be added while they are waited for.
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	s.running.Wait()
	// 3. The id is free of sessions before it is reported gone: a Send from
	//    within SessionDown finds nothing.
	s.net.forget(s)
	s.net.receiver.SessionDown(s.info.ID, s.endErr)
}

// end asks the supervisor to shut the session. Only the first call counts.
func (s *session) end(code Code, reason string, err error) {
	s.endOnce.Do(func() {
		// Ending the context publishes the three fields to the supervisor.
		s.endCode, s.endText, s.endErr = code, reason, err
		s.cancel(err)
	})
}

// endHere ends the session for a reason of our own.
func (s *session) endHere(code Code, reason string, cause error) {
	reason = cleanReason(reason)
	s.end(code, reason, &ClosedError{Code: code, Reason: reason, cause: cause})
}

// broken ends the session because a stream or the connection failed. If the
// connection is still there, the peer has broken a rule and is told which.
func (s *session) broken(err error) {
	select {
	case <-s.mux.done():
		s.end(CodeClosed, "", s.mux.cause(nil))
	default:
		err = s.mux.cause(err)
		s.end(CodeProtocol, cleanReason(err.Error()), err)
	}
}

// readPair delivers the frames of the control or submit stream, neither of
// which ends before the session does.
func (s *session) readPair(ch wire.Channel, src recvStream) {
	err := newInbox(s, StreamHeader{Channel: ch}, src).run()
	if err == nil {
		err = errControlEnd
	}
	s.broken(err)
}

// acceptStreams takes the streams that the peer opens. The mux bounds how many
// there are at once.
func (s *session) acceptStreams() {
	for {
		src, err := s.mux.acceptOne(context.Background())
		if err != nil {
			s.broken(err)
			return
		}
		if !s.spawn(func() { s.readOne(src) }) {
			return
		}
	}
}

// readOne reads the header of an incoming stream and serves it. The goroutine
// of a snapshot ends here; whoever reads the snapshot brings its own.
//
// A header that has begun must come to its end in time. A stream of which
// nothing has come is not the peer's doing: QUIC opens with a stream all that
// were to be opened before it, and the header of one of them may wait behind
// other traffic. It is refused, which gives its slot back.
func (s *session) readOne(src recvStream) {
	late := time.AfterFunc(s.net.cfg.HandshakeTimeout, src.refuse)
	ch, err := readChannel(src)
	if !late.Stop() {
		return
	}
	var head StreamHeader
	if err == nil {
		late.Reset(s.net.cfg.HandshakeTimeout)
		head, err = readHeaderOf(ch, src)
		late.Stop()
	}
	switch {
	case s.mux.cut(err):
		// A snapshot that was given up as soon as it was opened: a reset drops what was on its way, the header too.
		src.refuse()
		return
	case err != nil:
	case head.Channel == wire.ChannelEvents:
		// Ends with nil when the source has no more events to send.
		err = newInbox(s, head, src).run()
	case head.Channel == wire.ChannelSnapshot:
		s.net.receiver.Snapshot(s.info.ID, head.Ref, newSnapshotReader(s, head.Ref, src))
	default:
		err = errWrongStream
	}
	if err != nil {
		src.refuse()
		s.broken(err)
	}
}

// send puts one frame into the outbox of its channel.
func (s *session) send(ch wire.Channel, mig wire.MigrationID, frame []byte) error {
	if s.ctx.Err() != nil {
		return ErrNoSession
	}
	box, err := s.outbox(ch, mig, frame)
	if err == nil {
		err = box.push(frame)
	}
	switch {
	case err == nil, errors.Is(err, ErrNoSession), errors.Is(err, errNoReference):
		return err
	case errors.Is(err, ErrQueueFull):
		s.endHere(CodeTooSlow, "too slow to read the "+ch.String()+" stream", err)
		return err
	}
	s.broken(err)
	return ErrNoSession
}

// outbox returns the outbox of a channel, opening an event stream on demand.
func (s *session) outbox(ch wire.Channel, mig wire.MigrationID, frame []byte) (*outbox, error) {
	switch ch {
	case wire.ChannelControl:
		return s.control, nil
	case wire.ChannelSubmit:
		return s.submit, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.events[mig]; box != nil {
		return box, nil
	}
	if s.down {
		return nil, ErrNoSession
	}
	// The stream's header needs the whole Ref, which Send is not given; every
	// frame of a migration starts with it.
	c := codec.NewCursor(frame[min(headerLen, len(frame)):])
	ref := wire.DecodeRef(&c)
	if ch != wire.ChannelEvents || c.Err() != nil || ref.Migration != mig {
		return nil, errNoReference
	}
	// Frames queue in the outbox until the stream is open, which may take as
	// long as other migrations run.
	box := newOutbox(s, nil)
	s.events[mig] = box
	s.running.Go(func() { s.writeEvents(box, ref) })
	return box, nil
}

// writeEvents opens the event stream of a migration when its turn comes and
// writes to it until it is finished.
func (s *session) writeEvents(box *outbox, ref wire.Ref) {
	head := StreamHeader{Channel: wire.ChannelEvents, Ref: ref}
	out, err := s.open(s.ctx, s.eventSlots, head)
	if err != nil {
		s.broken(err)
		return
	}
	defer func() { <-s.eventSlots }()
	box.mu.Lock()
	box.stream = out
	box.mu.Unlock()
	box.run()
}

// closeEvents ends the event stream of a migration after what is queued. The
// outbox is forgotten at once, so that the migration may begin another stream.
func (s *session) closeEvents(mig wire.MigrationID) {
	s.mu.Lock()
	box := s.events[mig]
	delete(s.events, mig)
	s.mu.Unlock()
	if box != nil {
		box.finish()
	}
}

// open waits for a slot and for the peer's leave, opens a stream and writes its
// header. If it succeeds, the caller owes a token to slots.
func (s *session) open(ctx context.Context, slots chan struct{}, head StreamHeader) (sendStream, error) {
	// Events and snapshots have slots of their own, half of the peer's limit
	// each. With common ones, snapshots could wait for event streams that stay
	// open until those very snapshots have been sent.
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	out, err := s.mux.openOne(ctx)
	if err == nil {
		out.prioritize(urgencyOf(head.Channel))
		_, err = out.Write(AppendStreamHeader(nil, head))
	}
	if err != nil {
		<-slots
		return nil, err
	}
	return out, nil
}

// whileUp derives from ctx a context that also ends with the session.
func (s *session) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrNoSession) })
	return ctx, func() { stop(); cancel(nil) }
}

// reserve takes room for n queued bytes, if the session has it.
func (s *session) reserve(n int) bool {
	// Added before it is compared, so that two streams cannot both take the last
	// room. As with a single stream, one frame always fits.
	total := s.queued.Add(int64(n))
	if total > int64(n) && total > int64(s.net.cfg.SessionQueueBytes) {
		s.queued.Add(-int64(n))
		return false
	}
	return true
}

// release gives back what reserve took.
func (s *session) release(n int) { s.queued.Add(-int64(n)) }
