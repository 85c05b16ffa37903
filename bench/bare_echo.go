package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// A message is a length of 4 bytes, a number of 8 and a payload; the answer to it is its number.
const (
	messageHeader = 12
	answerSize    = 8
	echoWindow    = 1024 // messages of one producer under way, as many as ferry's producers may have
)

// acknowledge answers every message, those that came together with one write.
func acknowledge(stream *quic.Stream) error {
	in, out := bufio.NewReaderSize(stream, 64<<10), bufio.NewWriterSize(stream, 64<<10)
	var header [messageHeader]byte
	for {
		if _, err := io.ReadFull(in, header[:]); errors.Is(err, io.EOF) {
			return stream.Close()
		} else if err != nil {
			return err
		}
		if _, err := in.Discard(int(binary.BigEndian.Uint32(header[:]))); err != nil {
			return err
		}
		out.Write(header[4:]) // an error comes back from Flush
		if in.Buffered() < messageHeader {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// Echo sends messages and counts their answers. Not batched, each producer has a stream and waits for every
// answer. Batched, all share one stream, and what is ready is written together.
func (r *bareRole) Echo(a SubmitArgs, rate *Rate) error {
	var count atomic.Uint64
	used, begun := processorTime(), time.Now()
	until := begun.Add(a.For)
	var err error
	if a.Batched {
		err = r.echoBatched(a, until, &count)
	} else {
		errs := make([]error, a.Producers)
		var running sync.WaitGroup
		for i := range errs {
			running.Go(func() { errs[i] = r.echoWaiting(a, until, &count) })
		}
		running.Wait()
		err = errors.Join(errs...)
	}
	*rate = Rate{count.Load(), time.Since(begun), processorTime() - used}
	return err
}

// openEcho opens a stream for messages.
func (r *bareRole) openEcho() (*quic.Stream, error) {
	stream, err := r.conn.OpenStreamSync(context.Background())
	if err != nil {
		return nil, err
	}
	_, err = stream.Write([]byte{askEcho})
	return stream, err
}

// message makes the bytes of a message.
func message(payload int) []byte {
	m := make([]byte, messageHeader+payload)
	binary.BigEndian.PutUint32(m, uint32(payload))
	return m
}

// echoWaiting sends one message after the other.
func (r *bareRole) echoWaiting(a SubmitArgs, until time.Time, count *atomic.Uint64) error {
	stream, err := r.openEcho()
	if err != nil {
		return err
	}
	m, answer := message(a.Payload), make([]byte, answerSize)
	for time.Now().Before(until) {
		if _, err := stream.Write(m); err != nil {
			return err
		}
		if _, err := io.ReadFull(stream, answer); err != nil {
			return err
		}
		count.Add(1)
	}
	return stream.Close()
}

// echoBatched has all producers put messages into one channel; a writer joins what is there.
func (r *bareRole) echoBatched(a SubmitArgs, until time.Time, count *atomic.Uint64) error {
	stream, err := r.openEcho()
	if err != nil {
		return err
	}
	windows := make([]chan struct{}, a.Producers)
	queue := make(chan uint64, echoWindow)
	var producing sync.WaitGroup
	for p := range windows {
		windows[p] = make(chan struct{}, echoWindow)
		producing.Go(func() {
			for i := 0; i%64 != 0 || time.Now().Before(until); i++ {
				windows[p] <- struct{}{}
				queue <- uint64(p)
			}
		})
	}
	go func() { producing.Wait(); close(queue) }()
	wrote := make(chan error, 1)
	go func() { wrote <- writeMessages(stream, queue, a.Payload) }()
	in, answer := bufio.NewReaderSize(stream, 64<<10), make([]byte, answerSize)
	for {
		if _, err := io.ReadFull(in, answer); errors.Is(err, io.EOF) {
			return <-wrote
		} else if err != nil {
			return err
		}
		<-windows[binary.BigEndian.Uint64(answer)]
		count.Add(1)
	}
}

// writeMessages writes a message for each number, up to 64 KiB of them at a time, and closes the stream.
func writeMessages(stream *quic.Stream, queue <-chan uint64, payload int) error {
	m := message(payload)
	buf := make([]byte, 0, 64<<10)
	for number := range queue {
		binary.BigEndian.PutUint64(m[4:], number)
		buf = append(buf, m...)
		if len(queue) > 0 && len(buf)+len(m) <= cap(buf) {
			continue
		}
		if _, err := stream.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	return stream.Close()
}
