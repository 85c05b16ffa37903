package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// app is what all commands share: the standard streams and the flags that every command has. Results go to
// out; progress, notes and errors go to err, so that a pipe carries results only.
type app struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	admin    string
	data     string
	begun    bool // the command line has been read and makes sense
}

// run runs one command line and returns its exit code.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	results := &results{w: out}
	a := &app{in: in, out: results, err: errs}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not look for the first
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(results)
	root.SetErr(errs)
	checkTopics(root)
	if cmd, err := root.ExecuteContextC(ctx); err != nil {
		if !a.begun && asksJSON(args) { // a command that has begun may still be reading it, where it was interrupted
			a.json = true
		}
		return a.fail(a.ending(a.misread(cmd, err)))
	}
	if p := a.unprinted(); p != nil {
		return a.fail(p)
	}
	return client.CodeDone
}

// asksJSON looks for --json in a command line that could not be read to its end. The last one counts.
func asksJSON(args []string) (asks bool) {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for _, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if name != "--json" {
			continue
		}
		asks = true
		if given {
			asks, _ = strconv.ParseBool(value)
		}
	}
	return asks
}

// unprinted is the problem of a result that could not be written, nil if there is none. Where a command was not done
// by then, it says so itself.
func (a *app) unprinted() *client.Problem {
	r, ok := a.out.(*results)
	if !ok || r.err == nil {
		return nil
	}
	return unwritten(r.err).Now("done, but for what should have been printed")
}

// unwritten is the problem of a result that could not be written.
func unwritten(err error) *client.Problem {
	return client.Problemf(client.CodeError, "output", "the result could not be written: %v", err)
}

// ending is what a command is said to have ended with. What it reports of its subject stands, whether or not the result could
// be written as well; an error of the writing itself is told as that.
func (a *app) ending(err error) error {
	var told *client.Problem
	if errors.As(err, &told) {
		return err
	}
	if p := a.unprinted(); p != nil && errors.Is(err, a.out.(*results).err) {
		return p
	}
	return err
}

// results is standard output. It keeps the first error: a command whose result nobody can read has not
// succeeded, whatever it did.
type results struct {
	w   io.Writer
	err error
}

func (r *results) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// terminal reports whether people look at it.
func (r *results) terminal() bool {
	f, ok := r.w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// fail prints an error and returns its exit code.
func (a *app) fail(err error) int {
	var p *client.Problem
	if !errors.As(err, &p) {
		p = &client.Problem{Code: client.CodeError, Kind: "error", Detail: err.Error()}
	}
	if a.json {
		_ = json.NewEncoder(a.err).Encode(struct {
			Type string `json:"type"`
			*client.Problem
		}{"error", p})
		return p.Code
	}
	fmt.Fprintf(a.err, "peer: %s\n", p.Detail)
	if p.Outcome != "" {
		fmt.Fprintf(a.err, "now:  %s\n", p.Outcome)
	}
	if p.Next != "" {
		fmt.Fprintf(a.err, "next: %s\n", p.Next)
	}
	return p.Code
}

// dataDir is where a node keeps its key, its boot counter, its journal, its authorized peers and its socket.
func (a *app) dataDir() (string, error) {
	if a.data != "" {
		return a.data, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ferry"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", client.Problemf(client.CodeUsage, "no_data_directory", "there is no home directory to keep data in: %v", err).
			Then("the same command with --data DIR")
	}
	return filepath.Join(home, ".local", "state", "ferry"), nil
}

// inData is the path of a file in the data directory.
func (a *app) inData(name string) (string, error) {
	dir, err := a.dataDir()
	return filepath.Join(dir, name), err
}

// The files of a node in its data directory.
const (
	keyFile        = "node.key"
	authorizedFile = "authorized_peers"
	socketFile     = "admin.sock"
	bootFile       = "boot"
)

// socket is the path of the node's admin socket.
func (a *app) socket() (string, error) {
	if a.admin != "" {
		return a.admin, nil
	}
	return a.inData(socketFile)
}

// client returns a client of the node that the flags name. It fails only if they name none.
func (a *app) client() (*client.Client, error) {
	path, err := a.socket()
	if err != nil {
		return nil, err
	}
	return client.Dial(path), nil
}

// print writes a result: as one line of JSON, or as text for people.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(v)
	}
	text(a.out)
	return nil
}

// printList writes a list: as one line of JSON per item, or as a table for people.
func printList[T any](a *app, list []T, none, header string, row func(T) string) error {
	if a.json {
		out := json.NewEncoder(a.out)
		for _, v := range list {
			if err := out.Encode(v); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		fmt.Fprintln(a.err, none)
		return nil
	}
	t := newTable(a.out, header)
	for _, v := range list {
		t.row(row(v))
	}
	return t.flush()
}

// note tells people something that is not a result. With --json there are no such people.
func (a *app) note(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// with runs a command against the running node.
func (a *app) with(f asking) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		defer c.Close()
		return f(cmd.Context(), c, args)
	}
}

// How long a node may take to answer what it need only look up, and what it has to write or to ask others for. A node that was
// stopped takes the question, and would be waited for without end.
const (
	lookPatience = 10 * time.Second
	workPatience = 30 * time.Second
)

// asking is a command against the running node.
type asking = func(ctx context.Context, c *client.Client, args []string) error

// within ends a command that has no answer by then.
func within(patience time.Duration, f asking) asking {
	return func(ctx context.Context, c *client.Client, args []string) error {
		ctx, stop := context.WithTimeout(ctx, patience)
		defer stop()
		return f(ctx, c, args)
	}
}
