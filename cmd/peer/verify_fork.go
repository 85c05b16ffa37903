package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// forkReport describes one fork: two statements for one epoch.
type forkReport struct {
	Entity string    `json:"entity"`
	Epoch  uint64    `json:"epoch"`
	A      forkClaim `json:"a"`
	B      forkClaim `json:"b"`

	Evidence string `json:"evidence,omitempty"` // the file that it was written to
}

// known reports whether the fork was found in evidence of it, and not between two passports.
func (f forkReport) known() bool { return f.A.File == f.B.File }

// forkClaim is one of the two statements.
type forkClaim struct {
	File string `json:"file"`
	hopCheck
}

// findForks compares every passport with every other of the same daemon.
func findForks(files []passportFile) (forks []crypto.Fork, reports []forkReport) {
	for i, x := range files {
		for _, y := range files[:i] {
			if fork, ok := crypto.FindFork(y.passport, x.passport); ok {
				forks = append(forks, fork)
				reports = append(reports, reportFork(fork, y.name, x.name))
			}
		}
	}
	return forks, reports
}

// checkEvidence verifies evidence of a fork. That of another daemon raises no alarm here: anybody can fork his own.
func checkEvidence(name string, data []byte, want *crypto.EntityID) (proofCheck, crypto.Fork) {
	c := proofCheck{File: name, Evidence: true}
	fork, err := crypto.ParseFork(data)
	if err == nil {
		err = fork.Verify()
	}
	switch {
	case err != nil:
		c.Error = "evidence of a fork: " + strings.TrimPrefix(why(err), client.Plain(crypto.ErrNoFork.Error())+": ")
		return c, fork
	case want != nil && fork.A.Entity != *want:
		c.Entity = fork.A.Entity.String()
		c.Error = fmt.Sprintf("it is evidence of a fork of %s, not of %s", fork.A.Entity, *want)
		return c, fork
	}
	c.OK = true
	return c, fork
}

// reportFork describes a fork and the files it was found in, which is one file for evidence.
func reportFork(f crypto.Fork, a, b string) forkReport {
	return forkReport{Entity: f.A.Entity.String(), Epoch: f.Epoch(), A: forkClaim{a, lastHop(f.A)}, B: forkClaim{b, lastHop(f.B)}}
}

// lastHop is the statement that a passport ends with; empty if that is the birth.
func lastHop(p crypto.Passport) hopCheck {
	hops := describePassport("", p).Handovers
	if len(hops) == 0 {
		return hopCheck{Epoch: 1}
	}
	return hops[len(hops)-1]
}

// write puts the two statements one above the other.
func (f forkReport) write(w io.Writer) {
	fmt.Fprintf(w, "[FORK] daemon %s: two different statements are signed for epoch %d\n", shortID(f.Entity), f.Epoch)
	f.A.write(w)
	f.B.write(w)
	if f.Evidence != "" {
		fmt.Fprintf(w, "  %s: the evidence of this\n", f.Evidence)
	}
}

// write names the nodes: one of the two histories is the one that people believed in.
func (c forkClaim) write(w io.Writer) {
	if c.To == "" {
		fmt.Fprintf(w, "  %s: a birth record\n", c.File)
		return
	}
	fmt.Fprintf(w, "  %s: from %s to %s at sequence %s, head %s\n", c.File, shortKey(c.From), shortKey(c.To), number(c.Sequence), shortID(c.Head))
}
