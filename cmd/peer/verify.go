package main

import (
	"fmt"
	"io"
	"os"
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

A passport says by itself whose it is. --key says whose it has to be: the key from "peer daemon show NAME
--public-key", or a daemon's id.

Exit 9: a passport is invalid or of another daemon, or there is a fork.`

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
	cmd.Flags().StringVar(&f.evidence, "evidence", "", "file for the evidence of a fork")
	return cmd
}

// verifyReport is what "peer verify" prints.
type verifyReport struct {
	OK        bool         `json:"ok"`
	Passports []proofCheck `json:"passports,omitempty"`
	Forks     []forkReport `json:"forks,omitempty"`
}

// verify checks every file before it judges, so that one bad proof does not hide another.
func verify(a *app, f verifyFlags, files []string) error {
	var want *crypto.EntityID
	if f.key != "" {
		id, _, err := publicKey(f.key)
		if err != nil {
			return err
		}
		entity := crypto.EntityID(id)
		want = &entity
	}
	var r verifyReport
	var found []crypto.Fork
	var sound []passportFile
	for _, name := range files {
		data, err := readProof(a, name)
		if err != nil {
			return err
		}
		if fork, err := crypto.ParseFork(data); err == nil && fork.Verify() == nil {
			r.Forks, found = append(r.Forks, reportFork(fork, name, name)), append(found, fork)
			continue
		}
		c, p := checkProof(name, data, want)
		r.Passports = append(r.Passports, c)
		if c.OK {
			sound = append(sound, passportFile{name, p})
		}
	}
	forks, reports := findForks(sound)
	r.Forks, found = append(r.Forks, reports...), append(found, forks...)
	return conclude(a, f, r, found, want != nil)
}

// conclude prints the report and decides the exit code.
func conclude(a *app, f verifyFlags, r verifyReport, forks []crypto.Fork, certain bool) error {
	bad := 0
	for _, p := range r.Passports {
		if !p.OK {
			bad++
		}
	}
	r.OK = bad == 0 && len(r.Forks) == 0
	if err := a.print(r, r.write); err != nil {
		return err
	}
	switch {
	case len(forks) > 0:
		return forkProblem(f, r, forks)
	case bad > 0:
		return client.Problemf(client.CodeProof, "invalid_proof", "%s of %d not valid", count(bad, "proof"), len(r.Passports)).
			Now("a proof that is not valid proves nothing, neither for nor against a node").
			Then("peer migration proof --daemon NAME -o FILE, at the node that has it")
	case !certain:
		a.note("whose key that is, a passport cannot say: compare it with --key")
	}
	return nil
}

// write says that there is no fork only if there was something to compare.
func (r verifyReport) write(w io.Writer) {
	for _, p := range r.Passports {
		p.write(w)
	}
	for _, f := range r.Forks {
		f.write(w)
	}
	if r.OK && len(r.Passports) > 1 {
		fmt.Fprintln(w, "[OK] no fork among these")
	}
}

// forkProblem says what a fork means, and writes the evidence if that was asked for.
func forkProblem(f verifyFlags, r verifyReport, forks []crypto.Fork) error {
	p := client.Problemf(client.CodeProof, "fork", "%s: somebody who held the daemon has signed two histories", count(len(forks), "fork")).
		Now("two nodes may both believe to have authority over %s", r.Forks[0].Entity)
	if f.evidence == "" {
		return p.Then("peer verify %s %s --evidence fork.proof", r.Forks[0].A.File, r.Forks[0].B.File)
	}
	if why := writeEvidence(f.evidence, forks[0]); why != "" {
		p.Detail += "; the evidence was not written: " + why
		return p.Then("the same command with another --evidence FILE")
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

// maxProof is more than the largest passport and the largest evidence have.
const maxProof = 64 << 20

// readProof reads one file, or standard input.
func readProof(a *app, name string) ([]byte, error) {
	var in io.Reader = a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage("%s", strings.TrimPrefix(err.Error(), "open ")).Then("peer migration proof --daemon NAME -o %s", name)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxProof))
	if err != nil {
		return nil, usage("%s cannot be read: %v", name, cause(err)).Then("peer verify --help")
	}
	return data, nil
}
