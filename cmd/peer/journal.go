package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/journal"
)

// newJournal is the group of commands about the journal of a node that is stopped.
func newJournal(a *app) *cobra.Command {
	return group("journal", "Check and read the journal of a stopped node", "  peer journal verify\n  peer journal dump --json",
		newJournalVerify(a), newJournalDump(a))
}

// newJournalVerify reads everything that the next start would rely on.
func newJournalVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check the journal of a stopped node", Args: takes(0, 0),
		Long: `Check the journal of a stopped node: every record, the digest of every snapshot, and that the log of each
daemon follows from its snapshot. Nothing is changed. Exit 9 if something does not verify; INTACT is then what
would be intact of each daemon, by its snapshot and the log behind it. No command goes on from there: records that
are damaged may have handed a daemon to another node, so one that is listed here may serve elsewhere.
docs/operations.md, 4.1, says what to do.`,
		Example: "  peer journal verify\n  peer journal verify --data ./edge-a --json",
		RunE: interruptible(func([]string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			r, err := journal.Verify(journal.NewDisk(dir))
			if p := unreadable(err, dir); p != nil {
				return p
			}
			known, err := learn(dir)
			if err != nil {
				return err
			}
			v := viewOf(dir, &r, known)
			printed := a.print(v, v.write)
			return cmp.Or(v.problem(), printed)
		}),
	}
}

// unreadable is why a journal cannot be read, which damage is not.
func unreadable(err error, dir string) error {
	switch {
	case err == nil || errors.Is(err, journal.ErrDamaged):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return usage("there is no journal in %s", dir).Now("nothing was read").Then("the same command with the --data DIR of a node that has run")
	case errors.Is(err, journal.ErrLocked):
		return client.Problemf(client.CodeUsage, "node_running", "a node is running on %s: stop it first", dir).
			Now("that node goes on; nothing was read").Then("peer status --data %s", dir)
	}
	return client.Problemf(client.CodeError, "unreadable", "the journal in %s cannot be read: %s", dir, client.Plain(err.Error())).
		Now("nothing was changed").Then("ls -lR %s", dir)
}

// learned is what the records of a copy say that a report does not.
type learned struct {
	kind, name, from, to string
	epoch                uint64
}

// learn reads the records for the names of daemons and nodes, as far as they are still there.
func learn(dir string) (map[journal.CopyID]*learned, error) {
	known := make(map[journal.CopyID]*learned)
	of := func(id journal.CopyID) *learned {
		if known[id] == nil {
			known[id] = new(learned)
		}
		return known[id]
	}
	err := journal.Dump(journal.NewDisk(dir), func(_ string, _ int64, rec journal.Record) error {
		switch r := rec.(type) {
		case journal.Born:
			of(r.Copy).epoch = 1
		case journal.Preparing:
			l := of(r.Copy)
			l.kind, l.name, l.from = r.Prepare.Kind, r.Prepare.Name, r.Source.String()
		case journal.Base:
			of(r.Copy).takeBase(r)
		case journal.Arrived:
			of(r.Copy).epoch = r.Signed.Epoch
		case journal.Promise:
			of(r.Copy).to = r.Target.String()
		case journal.Commit:
			of(r.Copy).to = r.Target.String()
		}
		return nil
	})
	return known, unreadable(err, dir)
}

// journalView is what "peer journal verify" prints.
type journalView struct {
	OK         bool         `json:"ok"`
	Data       string       `json:"data"`
	Closed     bool         `json:"closed"` // in order, by the last process that had it
	LogBytes   int64        `json:"log_bytes"`
	LogUsed    int64        `json:"log_used_bytes"`
	Groups     int          `json:"groups"`
	Records    int          `json:"records"`
	Torn       *damageView  `json:"torn,omitempty"` // what a crash has left at the end, and the next start cuts off
	Damage     []damageView `json:"damage"`
	Daemons    []copyView   `json:"daemons"`
	Tombstones []tombView   `json:"left"`
}

// damageView is a place that does not verify.
type damageView struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
}

// copyView is one stay of a daemon at the node.
type copyView struct {
	Copy       uint64 `json:"copy"`
	ID         string `json:"id"` // of the daemon
	Origin     string `json:"origin"`
	Name       string `json:"name,omitempty"`
	Kind       string `json:"kind,omitempty"`
	State      string `json:"state"` // holder, arriving, held or handed-over
	Durability string `json:"durability"`
	Epoch      uint64 `json:"epoch,omitempty"` // as far as it is known
	SnapshotAt uint64 `json:"snapshot_sequence"`
	Last       uint64 `json:"sequence"`       // of the last entry that is known
	Restorable bool   `json:"restorable"`     // its snapshot is there and intact
	Through    uint64 `json:"through"`        // as far as the log follows from it
	From       string `json:"from,omitempty"` // fingerprint of the node that it came from
	To         string `json:"to,omitempty"`   // of the one that it was handed to
}

// tombView is what is left of a daemon that moved away.
type tombView struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Kind  string `json:"kind"`
	Epoch uint64 `json:"epoch"` // at its new holder
	To    string `json:"to"`
}

// viewOf puts together what people and programs are shown. There is no key in it.
func viewOf(dir string, r *journal.Report, known map[journal.CopyID]*learned) *journalView {
	v := &journalView{OK: len(r.Damage) == 0, Data: dir, Closed: r.Closed, Damage: []damageView{}, Daemons: []copyView{}, Tombstones: []tombView{}}
	for _, s := range r.Segments {
		v.LogBytes += s.Size
		v.LogUsed += s.Used
	}
	v.Groups, v.Records = r.Groups()
	if r.Torn != nil {
		v.Torn = &damageView{r.Torn.File, r.Torn.Offset, r.Torn.Reason}
	}
	for _, d := range r.Damage {
		v.Damage = append(v.Damage, damageView{d.File, d.Offset, d.Reason})
	}
	for _, c := range r.Copies {
		v.Daemons = append(v.Daemons, copyOf(c, known[c.ID]))
	}
	for _, t := range r.Tombstones {
		v.Tombstones = append(v.Tombstones, tombView{t.Entity.String(), t.Name, t.Kind, t.Ref.Epoch + 1, t.To.String()})
	}
	return v
}

// copyOf describes a copy. l is nil if no record of it says more.
func copyOf(c journal.CopyReport, l *learned) copyView {
	if l == nil {
		l = new(learned)
	}
	state := "arriving"
	switch {
	case c.HoldsEpoch:
		state = "holder"
	case c.HandedOver:
		state = "handed-over"
	case c.Held:
		state = "held"
	}
	return copyView{
		Copy: uint64(c.ID), ID: c.Entity.String(), Origin: fmt.Sprintf("%016x", c.Origin), Name: l.name, Kind: l.kind, State: state,
		Durability: c.Durability.String(), Epoch: l.epoch, SnapshotAt: c.Base, Last: c.Last, Restorable: c.Restorable, Through: c.Through,
		From: l.from, To: l.to,
	}
}

// intact is how much of a copy is there to go on from. One that was still arriving may have no snapshot yet. In a log that
// is damaged there may be more of any copy, which cannot be read.
func (c copyView) intact(logDamaged bool) string {
	switch {
	case c.Restorable && c.Through >= c.Last && !logDamaged:
		return "whole"
	case c.Restorable:
		return "through " + number(c.Through)
	case c.State == "arriving":
		return ""
	}
	return "no"
}

// write prints the worst first.
func (v *journalView) write(w io.Writer) {
	for _, d := range v.Damage {
		fmt.Fprintf(w, "[BAD] %s, byte %d: %s\n", d.File, d.Offset, printable(d.Reason))
	}
	if t := v.Torn; t != nil {
		fmt.Fprintf(w, "torn at %s, byte %d, as a crash leaves it: nobody was told of what is missing, and the next start cuts it off\n", t.File, t.Offset)
	}
	if len(v.Daemons) > 0 {
		t := newTable(w, "COPY\tDAEMON\tKIND\tSTATE\tDURABILITY\tEPOCH\tSEQUENCE\tINTACT\tID")
		for _, c := range v.Daemons {
			t.row(cells(c.Copy, c.Name, c.Kind, c.State, c.Durability, orDash(c.Epoch), number(c.Last), c.intact(v.logDamaged()), shortID(c.ID)))
		}
		_ = t.flush()
	}
	for _, t := range v.Tombstones {
		fmt.Fprintf(w, "left: %s\n", strings.ReplaceAll(cells(t.Name, t.Kind, shortID(t.ID), fmt.Sprintf("epoch %d", t.Epoch), "to "+t.To), "\t", "  "))
	}
	if v.OK {
		fmt.Fprintf(w, "[OK] %s of log in use, %s, %s, %d left\n", size(uint64(v.LogUsed)), count(v.Records, "record"), count(len(v.Daemons), "daemon"), len(v.Tombstones))
	}
}

// orDash is a number of which zero means that it is not known.
func orDash(n uint64) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

// logDamaged reports whether it is more than snapshots that does not verify.
func (v *journalView) logDamaged() bool {
	return slices.ContainsFunc(v.Damage, func(d damageView) bool { return !strings.HasPrefix(d.File, "copies/") })
}

// problem is what is wrong with the journal; nil for a sound one. Damage outside the log is one daemon's.
func (v *journalView) problem() error {
	if v.OK {
		return nil
	}
	p := client.Problemf(client.CodeProof, "damaged", "the journal in %s is damaged", v.Data)
	if v.logDamaged() {
		return p.Now("nothing was changed; no node starts on it, since what the damaged records said is not known: a daemon listed here may serve elsewhere").
			Then("cp -a %[1]s %[1]s.damaged, before anything else; then docs/operations.md, 4.1", filepath.Clean(v.Data))
	}
	return p.Now("nothing was changed; the daemons that are whole serve again when the node starts").Then("peer serve --data %s", v.Data)
}
