package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// proofReport is what "peer migration proof" prints.
type proofReport struct {
	File   string `json:"file"`
	Bytes  int    `json:"bytes"`
	Entity string `json:"entity"`
	Epoch  uint64 `json:"epoch"`
}

// proofFlags are the flags of "peer migration proof".
type proofFlags struct {
	daemon, output string
	force          bool
}

// newMigrationProof is found under migrations, where a move prints its name, and works for daemons as well,
// which are what passports are of.
func newMigrationProof(a *app) *cobra.Command {
	var f proofFlags
	cmd := &cobra.Command{
		Use: "proof [MIGRATION]", Short: "Write a daemon's passport: the signed history of its moves", Args: takes(0, 1),
		Long: `Write the passport of a daemon: its birth record and every handover, each signed by the key that the one
before certified. Anybody can check it with peer verify, without a node and without trusting one.

A node has the passports of the daemons that are here, and of those that left it since it was started.`,
		Example:           "  peer migration proof 5f2k -o notes.passport\n  peer migration proof --daemon notes -o notes.passport",
		ValidArgsFunction: completing(a, completeMigrations),
		RunE: a.with(within(lookPatience, func(ctx context.Context, c *client.Client, args []string) error {
			return proof(ctx, a, c, f, args)
		})),
	}
	cmd.Flags().StringVar(&f.daemon, "daemon", "", "the daemon, instead of one of its moves")
	_ = cmd.RegisterFlagCompletionFunc("daemon", completingFlag(a, completeDaemons))
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "file to write; - for standard output")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the file if it exists")
	return cmd
}

// proof parses what it writes: a file that could not be read later would be found out too late.
func proof(ctx context.Context, a *app, c *client.Client, f proofFlags, args []string) error {
	if (len(args) == 1) == (f.daemon != "") || f.output == "" {
		return usage("a migration or --daemon NAME, and -o FILE, say what to write where").Then("peer migration proof --help")
	}
	var passport []byte
	var err error
	if f.daemon != "" {
		passport, err = c.Passport(ctx, f.daemon)
	} else {
		passport, err = c.MigrationPassport(ctx, args[0])
	}
	if err != nil {
		return err
	}
	p, err := crypto.ParsePassport(passport)
	if err != nil {
		return client.Problemf(client.CodeProof, "bad_passport", "what the node sent is no passport: %v", err)
	}
	if f.output == "-" {
		return toPipe(a, passport)
	}
	if err := writeProof(f, passport); err != nil {
		return err
	}
	return a.print(proofReport{f.output, len(passport), p.Entity.String(), p.Epoch()}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, epochs 1..%d\n", f.output, count(len(p.Handovers), "handover"), p.Epoch())
		a.note("anybody can check it with: peer verify %s", f.output)
	})
}

// writeProof writes the file whole or not at all. A proof that is there already may be the only one of
// something, so it is replaced on demand only.
func writeProof(f proofFlags, passport []byte) error {
	if _, err := os.Lstat(f.output); !f.force && !errors.Is(err, fs.ErrNotExist) {
		return client.Problemf(client.CodeUsage, "file_exists", "%s exists and is left as it is", f.output).
			Now("nothing was written").Then("the same command with --force, or with another file")
	}
	if err := maybe.WriteFile(f.output, passport, 0o644); err != nil {
		return client.Problemf(client.CodeError, "not_written", "%s cannot be written: %v", f.output, cause(err)).
			Now("nothing was written").Then("the same command with -o FILE, where FILE can be written")
	}
	return nil
}

// cause is what the system said, without the path: that of a temporary file would mean nothing to anybody.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// toPipe writes binary data to standard output, but not to a screen.
func toPipe(a *app, data []byte) error {
	if r, ok := a.out.(*results); ok && r.terminal() {
		return usage("a passport is binary and standard output is a terminal").Then("the same command with -o FILE")
	}
	_, err := a.out.Write(data)
	return err
}
