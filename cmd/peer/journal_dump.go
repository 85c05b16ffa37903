package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/wire"
)

// recordView is one record as it is printed. No key is in it: what is printed is chosen here, member by member.
type recordView struct {
	Type        string `json:"type"` // "record"
	File        string `json:"file"`
	Offset      int64  `json:"offset"`
	Record      string `json:"record"`
	Copy        uint64 `json:"copy,omitempty"`
	Daemon      string `json:"daemon,omitempty"`
	Sequence    uint64 `json:"sequence,omitempty"`
	Digest      string `json:"digest,omitempty"`
	Kind        string `json:"kind,omitempty"` // of an event
	Producer    string `json:"producer,omitempty"`
	ProducerSeq uint64 `json:"producer_seq,omitempty"`
	Payload     []byte `json:"payload,omitempty"` // of an input
	Detail      string `json:"detail,omitempty"`
}

// newJournalDump prints while it reads: a log can be larger than the memory.
func newJournalDump(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "dump", Short: "Print the journal of a stopped node, without its keys", Args: takes(0, 0),
		Long: `Print every record of the log of a stopped node, in order: births, arrivals, snapshots, events, promises,
handovers, and what is remembered of daemons that left. Keys are never printed. Nothing is changed. Exit 9 if
something does not verify, after everything that does has been printed.`,
		Example: "  peer journal dump\n  peer journal dump --data ./edge-a --json",
		RunE: interruptible(func([]string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			err = journal.Dump(journal.NewDisk(dir), a.dump)
			if p := a.unprinted(); p != nil {
				return p.Now("nothing was changed; the rest has not been read")
			}
			if p := unreadable(err, dir); p != nil {
				return p
			}
			if err != nil {
				return client.Problemf(client.CodeProof, "damaged", "the journal in %s is damaged: %s", dir, client.Plain(err.Error())).
					Now("nothing was changed; what verifies has been printed").Then("peer journal verify --data %s", dir)
			}
			return nil
		}),
	}
}

// dump prints one record.
func (a *app) dump(file string, offset int64, rec journal.Record) error {
	v := recordView{Type: "record", File: file, Offset: offset}
	v.describe(rec)
	if a.json {
		return json.NewEncoder(a.out).Encode(v)
	}
	_, err := fmt.Fprintln(a.out, v.line())
	return err
}

// line is a record for people.
func (v *recordView) line() string {
	text := fmt.Sprintf("%s %8d  %-9s", v.File, v.Offset, v.Record)
	if v.Copy > 0 {
		text += fmt.Sprintf("  copy %d", v.Copy)
	}
	if v.Daemon != "" {
		text += "  daemon " + shortID(v.Daemon)
	}
	if v.Digest != "" {
		text += fmt.Sprintf("  at %s %s", number(v.Sequence), shortID(v.Digest))
	}
	if v.Producer != "" {
		text += fmt.Sprintf("  %s from %s %d", size(uint64(len(v.Payload))), shortID(v.Producer), v.ProducerSeq)
	}
	if v.Detail != "" {
		text += "  " + printable(v.Detail)
	}
	return text
}

// head adds a place in a daemon's log.
func (v *recordView) head(h crypto.Head) { v.Sequence, v.Digest = h.Sequence, h.Digest.String() }

// describe chooses what is printed of a record. What the journal has added for itself has no name outside of it.
func (v *recordView) describe(rec journal.Record) {
	switch r := rec.(type) {
	case journal.Born:
		v.Record, v.Copy, v.Daemon, v.Detail = "born", uint64(r.Copy), r.Entity.String(), "durability "+r.Durability.String()
	case journal.Preparing:
		v.Record, v.Copy, v.Daemon = "preparing", uint64(r.Copy), r.Prepare.Entity.String()
		v.Detail = fmt.Sprintf("%s %s from %v, epoch %d, durability %v", r.Prepare.Kind, r.Prepare.Name, r.Source, r.Prepare.Epoch, r.Prepare.Durability)
	case journal.Base:
		v.Record, v.Copy, v.Detail = "snapshot", uint64(r.Copy), size(r.Size)
		v.head(r.Head)
	case journal.Event:
		v.event(r)
	case journal.Hold:
		v.Record, v.Copy, v.Detail = "hold", uint64(r.Copy), "attempt "+r.Attempt.String()
		v.head(r.Final)
	case journal.Release:
		v.Record, v.Copy, v.Detail = "release", uint64(r.Copy), "attempt "+r.Attempt.String()
	case journal.Promise:
		v.Record, v.Copy, v.Detail = "promise", uint64(r.Copy), fmt.Sprintf("to %v, attempt %v, for the directory to decide", r.Target, wire.Attempt(r.Cert.Attempt))
		v.head(r.Cert.Head)
	case journal.Commit:
		v.Record, v.Copy, v.Detail = "commit", uint64(r.Copy), fmt.Sprintf("to %v, attempt %v", r.Target, r.Attempt)
	case journal.Arrived:
		v.Record, v.Copy, v.Detail = "arrived", uint64(r.Copy), fmt.Sprintf("epoch %d", r.Signed.Epoch)
		v.head(r.Signed.Head)
	case journal.Dropped:
		v.Record, v.Copy = "dropped", uint64(r.Copy)
	case journal.Tombstone:
		v.Record, v.Daemon, v.Detail = "left", r.Entity.String(), fmt.Sprintf("%s %s to %v, epoch %d", r.Kind, r.Name, r.To, r.Ref.Epoch+1)
	case journal.Forgotten:
		v.Record, v.Detail = "forgotten", fmt.Sprintf("origin %016x", r.Origin)
	default:
		v.Record = "internal"
	}
}

// event describes an entry of a daemon's log.
func (v *recordView) event(r journal.Event) {
	ev := r.Event
	v.Record, v.Copy, v.Sequence, v.Digest, v.Kind = "event", uint64(r.Copy), ev.Link.Sequence, ev.Digest().String(), ev.Kind.String()
	if ev.Kind != crypto.EventInput {
		v.Detail = v.Kind
		return
	}
	v.Producer, v.ProducerSeq, v.Payload = ev.Producer.String(), ev.ProducerSeq, ev.Payload
}

// takeBase reads the names at the head of a snapshot that is in the log.
func (l *learned) takeBase(b journal.Base) {
	if b.Inline == nil {
		return
	}
	s, err := daemon.ReadSnapshot(bytes.NewReader(b.Inline))
	if err != nil {
		return // it is what verify reports
	}
	defer s.Close()
	l.kind, l.name, l.epoch = s.Kind(), s.Name(), s.Epoch()
}
