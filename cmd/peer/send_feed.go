package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// feed submits all events and says that there are no more. It runs beside the collection of receipts; what
// goes wrong with the stream itself is that side's to report.
func feed(ctx context.Context, a *app, s *client.Stream, r *receipts, f sendFlags) error {
	defer s.CloseSend()
	limit, seq := f.limiter(), f.seq
	submit := func(payload []byte) error {
		if f.numbered && seq == math.MaxUint64 {
			return usage("the numbers from --seq %d on are used up", f.seq).
				Now("the events before were submitted").Then("peer send --help")
		}
		if limit != nil {
			if err := limit.Wait(ctx); err != nil {
				return err
			}
		}
		r.sending(time.Now())
		err := s.Send(seq, payload)
		if f.numbered {
			seq++
		}
		return err
	}
	err := f.each(a.in, submit)
	var p *client.Problem
	if err != nil && !errors.As(err, &p) {
		return nil // the stream has ended, and its reader knows why
	}
	return err
}

// each calls submit with every payload.
func (f *sendFlags) each(in io.Reader, submit func([]byte) error) error {
	if f.data != nil {
		for range f.count {
			if err := submit([]byte(*f.data)); err != nil {
				return err
			}
		}
		return nil
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), wire.MaxPayload+2) // with the end of a line, which can be two bytes
	n := 0
	for ; lines.Scan() && len(lines.Bytes()) <= wire.MaxPayload; n++ {
		if err := submit(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) || len(lines.Bytes()) > wire.MaxPayload {
		return usage("line %d of standard input has more than %d bytes, and an event cannot", n+1, wire.MaxPayload).
			Now("the lines before it were submitted").Then("peer send --help")
	} else if err != nil {
		return usage("a line of standard input cannot be an event: %v", err).Now("the lines before it were submitted").Then("peer send --help")
	}
	return nil
}
