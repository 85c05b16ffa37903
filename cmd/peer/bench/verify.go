package bench

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
)

// verify holds what the producers have acknowledgments for against what each daemon has on record, which is
// part of its state and knows nothing of the machinery that delivers events once. It returns why a daemon
// could not be asked; the others are counted in any case.
func (b *bench) verify(ctx context.Context, e *Events) (err error) {
	e.Checked = true
	for _, s := range b.subjects {
		if bad := b.verifyOne(ctx, s, e); bad != nil {
			e.Checked = false
			err = bad
		}
	}
	return err
}

// verifyOne brings a daemon home, since only a node that has it can ask it.
func (b *bench) verifyOne(ctx context.Context, s *subject, e *Events) error {
	if _, err := b.collector.bringHome(ctx, s.daemon.ID); err != nil {
		return err
	}
	for _, p := range s.producers {
		var applied kinds.Report
		if err := b.ask(ctx, s.daemon, "audit "+p.id.String(), &applied); err != nil {
			return err
		}
		p.judge(applied, e)
	}
	var check struct {
		OK      bool   `json:"ok"`
		Problem string `json:"problem"`
	}
	if err := b.ask(ctx, s.daemon, "check", &check); err != nil {
		return err
	}
	if !check.OK {
		return client.Problemf(client.CodeError, "broken_state", "the state of %s contradicts itself: %s", s.daemon.Label(), check.Problem)
	}
	return nil
}

// judge adds up one producer. An event without an acknowledgment may have been applied, so as many as there
// are of these are nobody's mistake.
func (p *producer) judge(applied kinds.Report, e *Events) {
	v := kinds.Compare(&p.trail, applied)
	open := p.submitted - p.acknowledged
	e.Applied += applied.Applied
	e.Lost += v.Lost
	e.Twice += v.Duplicated
	e.Wrong += v.Reordered + v.Altered + v.Undecided + v.Foreign - min(v.Foreign, open)
}

// ask reads a daemon's answer.
func (b *bench) ask(ctx context.Context, d client.Daemon, query string, into any) error {
	return b.collector.limited(ctx, func(ctx context.Context) error {
		answer, err := b.c.Inspect(ctx, d.ID, []byte(query))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer, into); err != nil {
			return fmt.Errorf("%s answered %q with something else than JSON: %w", d.Label(), query, err)
		}
		return nil
	})
}
