package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

const verifyLong = `Check passports offline: every signature, from the key that the daemon was born with to the last handover.
Needs no node and trusts none. FILE may be - for standard input.

Several passports of one daemon are also compared: if somebody has signed two different handovers for one
epoch, that is a fork. The two statements together prove it, and --evidence writes them to a file that this
command checks as well.

A passport says by itself whose it is. --key says whose it has to be, and evidence too: the key from "peer
daemon show NAME --public-key", or a daemon's id. The fingerprint that is printed here will not do: it is what
the passport says of itself.

Exit 9: a passport or evidence is invalid or of another daemon, or there is a fork.`

// verifyFlags are the flags of "peer verify".
type verifyFlags struct{ key, evidence string }

// newVerify needs no node and reads no configuration: a proof must not depend on whose machine checks it.
func newVerify(a *app) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify FILE...", Short: "Check passports and look for forks, offline", Args: takes(1, 1<<20), Long: verifyLong,
		Example: "  peer verify notes.passport --key notes.pub\n  peer verify mine.passport theirs.passport --evidence fork.proof\n  peer migration proof --daemon notes -o - | peer verify -",
		RunE:    interruptible(func(args []string) error { return verify(a, f, args) }),
	}
	cmd.Flags().StringVar(&f.key, "key", "", "the key that the daemons must have been born with: ssh-ed25519 text, a file with it, or hex")
	cmd.Flags().StringVar(&f.evidence, "evidence", "", "file for the evidence of a fork; of the first, if there are several")
	return cmd
}

// verifyReport is what "peer verify" prints.
type verifyReport struct {
	OK        bool         `json:"ok"`
	Passports []proofCheck `json:"passports,omitempty"` // and evidence that does not hold
	Compared  int          `json:"compared"`            // pairs of passports of one daemon
	Forks     []forkReport `json:"forks,omitempty"`

	alone int // daemons of which there is one passport only
}

// audit is what has been found so far. The forks are those of the report, in its order.
type audit struct {
	verifyReport
	want  *crypto.EntityID // whose the proofs have to be; nil for anybody's
	sound []passportFile
	forks []crypto.Fork
}

// verify checks every file before it judges, so that one bad proof does not hide another.
func verify(a *app, f verifyFlags, files []string) error {
	var r audit
	if f.key != "" {
		id, _, err := publicKeyFrom(f.key, daemonKeyAt)
		if err != nil {
			return leaving(err, unverified)
		}
		entity := crypto.EntityID(id)
		r.want = &entity
	}
	for _, name := range files {
		data, err := readProof(a, name)
		if err != nil {
			return err
		}
		r.check(name, data)
	}
	r.compare()
	return r.conclude(a, f)
}

// check looks at one file.
func (r *audit) check(name string, data []byte) {
	if crypto.IsFork(data) {
		c, fork := checkEvidence(name, data, r.want)
		if !c.OK {
			r.Passports = append(r.Passports, c)
			return
		}
		r.Forks, r.forks = append(r.Forks, reportFork(fork, name, name)), append(r.forks, fork)
		return
	}
	c, p := checkProof(name, data, r.want)
	r.Passports = append(r.Passports, c)
	if c.OK {
		r.sound = append(r.sound, passportFile{name, p})
	}
}

// compare looks for forks between the passports. They go before those that were known: of these there is evidence already.
func (r *audit) compare() {
	of := make(map[crypto.EntityID]int)
	for _, p := range r.sound {
		r.Compared += of[p.passport.Entity]
		of[p.passport.Entity]++
	}
	for _, n := range of {
		if n == 1 {
			r.alone++
		}
	}
	forks, reports := findForks(r.sound)
	r.Forks, r.forks = append(reports, r.Forks...), append(forks, r.forks...)
}

// conclude prints the report and decides the exit code. What was found goes before that it could not be printed.
func (r *audit) conclude(a *app, f verifyFlags) error {
	bad := 0
	for _, p := range r.Passports {
		if !p.OK {
			bad++
		}
	}
	r.OK = bad == 0 && len(r.forks) == 0
	var found error
	switch {
	case len(r.forks) > 0:
		found = r.forkProblem(f)
	case bad > 0:
		found = r.badProblem(bad)
	}
	printed := a.print(r.verifyReport, r.write)
	if r.OK && r.want == nil {
		a.note("whose key that is, a passport cannot say: compare it with --key")
	}
	return cmp.Or(found, printed)
}

// badProblem says where to get a proof that holds: a passport from a node, evidence from the passports that it was made of.
func (r *audit) badProblem(bad int) error {
	p := client.Problemf(client.CodeProof, "invalid_proof", "%s of %d not valid", count(bad, "proof"), len(r.Passports)).
		Now("a proof that is not valid proves nothing, neither for nor against a node").
		Then("peer migration proof --daemon NAME -o FILE, at the node that has it")
	if !slices.ContainsFunc(r.Passports, func(c proofCheck) bool { return !c.OK && !c.Evidence }) {
		p.Then("peer verify PASSPORT PASSPORT, the two of this daemon that contradict each other")
	}
	return p
}

// write says that there is no fork only if there was something to compare.
func (r verifyReport) write(w io.Writer) {
	for _, p := range r.Passports {
		p.write(w)
	}
	for _, f := range r.Forks {
		f.write(w)
	}
	if !r.OK || len(r.Passports) < 2 {
		return
	}
	if r.Compared > 0 {
		fmt.Fprintln(w, "[OK] no fork among these")
	}
	if r.alone > 0 {
		fmt.Fprintf(w, "[NOTE] of %s there is one passport here, and nothing to compare it with\n", count(r.alone, "daemon"))
	}
}

// forkProblem says what a fork means, and writes the evidence of the first if that was asked for: one is enough, and every
// other can be had from its two files.
func (r *audit) forkProblem(f verifyFlags) error {
	first := &r.Forks[0]
	p := client.Problemf(client.CodeProof, "fork", "%s: somebody who held the daemon has signed two histories", count(len(r.forks), "fork")).
		Now("two nodes may both believe to have authority over %s", first.Entity)
	switch {
	case f.evidence == "" && first.known():
		return p.Then("peer daemon show %s, at either node: which of them goes on is for a person to decide", shortID(first.Entity))
	case f.evidence == "":
		return p.Then("peer verify %s %s --evidence fork.proof", first.A.File, first.B.File)
	}
	if why := writeEvidence(f.evidence, r.forks[0]); why != "" {
		p.Detail += "; the evidence was not written: " + why
		return p.Then("the same command with another --evidence FILE")
	}
	first.Evidence = f.evidence
	if n := len(r.forks); n > 1 {
		p.Detail += fmt.Sprintf("; %s has the evidence of the first: for that of another, give its two files alone", f.evidence)
	}
	return p.Then("peer verify %s, on any machine: it proves the fork", f.evidence)
}

// writeEvidence writes to a file that is not there yet, and returns why it has not; empty if it has.
func writeEvidence(path string, fork crypto.Fork) string {
	if _, err := os.Lstat(path); err == nil {
		return path + " exists and is left as it is"
	}
	if err := maybe.WriteFile(path, crypto.AppendFork(nil, fork), 0o644); err != nil {
		return fmt.Sprintf("%s: %v", path, cause(err))
	}
	return ""
}

// unverified is where a file that cannot be read leaves all of them: no verdict is given of a part.
const unverified = "nothing was verified"

// maxProof is more than the largest passport and the largest evidence have.
const maxProof = 64 << 20

// readProof reads one file, or standard input.
func readProof(a *app, name string) ([]byte, error) {
	var in io.Reader = a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage("%s", strings.TrimPrefix(err.Error(), "open ")).Now(unverified).Then("peer migration proof --daemon NAME -o %s", name)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxProof))
	if err != nil {
		return nil, usage("%s cannot be read: %v", name, cause(err)).Now(unverified).Then("peer verify --help")
	}
	return data, nil
}
