package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/demo"
)

const rootLong = `peer runs a ferry node and talks to one.

A node serves daemons: deterministic state machines with a signed log. A daemon moves from node to node
while it goes on serving; nothing that was acknowledged is lost or applied twice, one node at a time has
the authority, and each move is proven by a signature.

Wherever a daemon, a node or a migration is expected, its name, its id, or a prefix that fits nothing else
will do. Only send, migrate and daemon stop, which change something, take a name in full, or the first 8 digits of
an id: where job-1 has ended, job-10 may be all that begins so. Results go to standard output, progress and
notes to standard error. --json makes both readable for programs.

Exit codes: 0 done, 1 other error, 2 usage or configuration, 3 no such daemon, node or migration,
4 refused, 5 unreachable, 6 deadline passed, 7 not moved: still at the source and serving,
8 in doubt: frozen, or with a source that has fallen silent and may serve it, 9 proof invalid, fork found or
journal damaged, 10 a limit of --fail-if was missed, 11 not everything could be moved away from a node,
130 interrupted (what was started goes on).`

// newRoot returns the whole tree of commands.
func newRoot(a *app) *cobra.Command {
	root := group("peer", "Run a node of daemons that move while they serve", "  peer serve\n  peer daemon spawn kv notes\n  peer send notes 'put color blue'\n  peer migrate notes edge-b",
		newServe(a), newStatus(a), newSend(a), newMigrate(a), newDrain(a), newVerify(a), newBench(a), demo.Command(),
		newDaemon(a), newMigration(a), newNode(a), newKey(a), newJournal(a), newVersion(a),
	)
	if failHook != nil {
		root.AddCommand(newDebug(a))
	}
	root.Long = rootLong
	root.Version = version().line()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print results, progress and errors as JSON, one object per line")
	flags.StringVar(&a.admin, "admin", "", "admin socket of the node (default DIR/"+socketFile+"; the variable does not count beside --data)")
	flags.StringVar(&a.data, "data", "", "data directory DIR of the node (default $XDG_STATE_HOME/ferry or ~/.local/state/ferry)")
	env(flags, "admin", "FERRY_ADMIN")
	env(flags, "data", "FERRY_DATA")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.begin(cmd) }
	return root
}

// begin is called for every command whose flags and arguments were taken. What cobra would check after it is checked
// here, so that all that is wrong with a command line is found before the command has begun.
func (a *app) begin(cmd *cobra.Command) error {
	if err := cmp.Or(fromEnv(cmd.Flags()), cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
		return err
	}
	a.begun = true
	return nil
}

// misread makes a usage problem of what cobra says of a command line. Any error before a command has begun is that.
func (a *app) misread(cmd *cobra.Command, err error) error {
	var p *client.Problem
	if a.begun || errors.As(err, &p) {
		return err
	}
	return usage("%v", err).Then("%s --help", cmd.CommandPath())
}

// group is a command that only has commands below it.
func group(name, short, example string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: name, Short: short, Example: example, SuggestionsMinimumDistance: 2}
	g.Args = cobra.ArbitraryArgs
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		p := usage("%s has no command %q", cmd.CommandPath(), args[0]).Then("%s --help", cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			p.Then("%s %s", cmd.CommandPath(), near[0])
		}
		return p
	}
	g.AddCommand(commands...)
	return g
}

// checkTopics makes "peer help" report what there is no help about.
func checkTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil || help == root {
		return
	}
	help.Args = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err == nil && len(rest) == 0 {
			return nil
		}
		return usage("there is no help about %q", strings.Join(args, " ")).Then("%s --help", cmd.CommandPath())
	}
}

// usage is the problem of a command line that means nothing.
func usage(format string, args ...any) *client.Problem {
	return client.Problemf(client.CodeUsage, "usage", format, args...)
}

// takes checks the number of arguments, which the names in Use describe, and that each of them says something: an empty one
// is a variable that was not set. Only an event may be empty.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		_, want, _ := strings.Cut(cmd.Use, " ")
		if len(args) >= least && len(args) <= most {
			return noneEmpty(cmd, strings.Fields(want), args)
		}
		if most == 0 {
			want = "no arguments"
		}
		return usage("%s takes %s, and was given %s", cmd.CommandPath(), want, count(len(args), "argument")).
			Then("%s --help", cmd.CommandPath())
	}
}

// noneEmpty refuses an argument that is empty. The last name in Use is that of all arguments from there on.
func noneEmpty(cmd *cobra.Command, names, args []string) error {
	for i, arg := range args {
		name := strings.Trim(names[min(i, len(names)-1)], "[].")
		if arg == "" && !strings.HasPrefix(name, "DATA") {
			return usage("%s takes %s, and was given an empty one", cmd.CommandPath(), name).Then("%s --help", cmd.CommandPath())
		}
	}
	return nil
}

// count is a number and a noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
