package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
)

// evidence is what is known when everything is over, from those who know it: the producer, the daemon, its
// node, and the passport.
type evidence struct {
	acks   ackFigures
	trail  *kinds.AuditTrail // the producer's own record
	read   textCount         // what it read, counted on the way
	steps  int               // of the plan
	moves  []move
	holder string // where the daemon should be now

	applied   kinds.Report // the daemon's own record of the producer
	producers int          // how many the daemon has heard from
	head      client.Daemon
	check     stateCheck
	counted   *textJSON // what a wordcount says; nil for other kinds
	passport  proof

	unknown error             // why some of the above could not be had
	crashed []string          // nodes that ended without having been told to
	peaks   map[string]uint64 // memory per node, in bytes
}

// textJSON is a wordcount's answer.
type textJSON struct {
	Lines uint64 `json:"lines"`
	Words uint64 `json:"words"`
	Bytes uint64 `json:"bytes"`
}

// stateCheck is a daemon's answer to whether its state is consistent.
type stateCheck struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem"`
}

// proof is what became of the passport.
type proof struct {
	entity    string // whose it is
	handovers int
	verified  bool
	output    string // of the process that verified it
}

// gather asks the node that the daemon is at by now.
func (e *evidence) gather(ctx context.Context, c *cluster, at *member, s session) error {
	query := func(text string, into any) error {
		answer, err := at.admin.Inspect(ctx, s.daemon.ID, []byte(text))
		if err != nil {
			return fmt.Errorf("asking the daemon for %q: %w", text, err)
		}
		return json.Unmarshal(answer, into)
	}
	if err := query("audit "+s.producer.String(), &e.applied); err != nil {
		return err
	}
	var all struct {
		Producers []crypto.ProducerID `json:"producers"`
	}
	if err := query("audit", &all); err != nil {
		return err
	}
	e.producers = len(all.Producers)
	if err := query("check", &e.check); err != nil {
		return err
	}
	if s.daemon.Kind == "wordcount" {
		e.counted = new(textJSON)
		if err := query("count", e.counted); err != nil {
			return err
		}
	}
	head, err := at.admin.Daemon(ctx, s.daemon.ID)
	if err != nil {
		return err
	}
	e.head = head
	return e.passport.gather(ctx, c, at, s.daemon.ID)
}

// passportFile is where the passport is put for the process that verifies it.
const passportFile = "passport"

// gather fetches the passport and has it verified by a process that knows nothing but the file.
func (p *proof) gather(ctx context.Context, c *cluster, at *member, daemon string) error {
	raw, err := at.admin.Passport(ctx, daemon)
	if err != nil {
		return fmt.Errorf("fetching the passport: %w", err)
	}
	path := filepath.Join(c.base, passportFile)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	passport, err := crypto.ParsePassport(raw)
	if err != nil {
		p.output = err.Error()
		return nil
	}
	p.entity, p.handovers = passport.Entity.String(), len(passport.Handovers)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.output, err = c.launcher.Output(ctx, self, "verify", path)
	p.verified = err == nil
	if _, said := errors.AsType[*exec.ExitError](err); said {
		return nil // that it does not hold is a finding, and its output says why
	}
	return err
}
