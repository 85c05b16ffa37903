package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// commands returns the whole tree.
func commands() []*cobra.Command {
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&app{}))
	return all
}

// TestEveryCommandExplainsItself: a short line, an example, and --json.
func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short description is %q", path, c.Short)
		}
		if !strings.Contains(c.Example, "  peer ") {
			t.Errorf("%s: no example", path)
		}
		if c.InheritedFlags().Lookup("json") == nil && c.PersistentFlags().Lookup("json") == nil {
			t.Errorf("%s: no --json", path)
		}
		if c.RunE == nil {
			t.Errorf("%s: cannot report an error", path)
		}
	}
}

// TestEveryExampleIsACommandLine: the examples are of commands, arguments and flags that exist.
func TestEveryExampleIsACommandLine(t *testing.T) {
	for _, c := range commands() {
		for line := range strings.Lines(c.Example) {
			for command := range strings.SplitSeq(line, "|") {
				checkLine(t, command)
			}
		}
	}
}

// TestEveryCommandOfThePages: the command lines of the README and of docs, which are indented and may end in a comment, too.
func TestEveryCommandOfThePages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("only %d pages found: %v", len(pages), err)
	}
	found := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, _, _ := strings.Cut(line, "#")
			indented := strings.HasPrefix(command, "    ") // and more than that in a list
			command = strings.Replace(strings.TrimLeft(command, " "), "go run ./cmd/peer", "peer", 1)
			if indented && strings.HasPrefix(command, "peer ") && !strings.HasPrefix(command, "peer  ") { // that is a row of a drawing
				found++
				checkLine(t, command)
			}
		}
	}
	if found < 16 {
		t.Errorf("only %d commands found", found)
	}
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	words := shellWords(line)
	if len(words) == 0 || words[0] != "peer" {
		t.Errorf("%q is not a command of peer", line)
		return
	}
	c, rest, err := newRoot(&app{}).Find(words[1:])
	if err != nil || c.HasSubCommands() && len(rest) > 0 {
		t.Errorf("%q: no such command: %v", line, err)
		return
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", line, err)
		return
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// shellWords splits a line as a shell does, as far as the examples need it: quotes, and redirections, which
// end what is a command's.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, begun := rune(0), false
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range strings.TrimSpace(line) {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && (r == '<' || r == '>'):
			end()
			return words
		case quote == 0 && r == ' ':
			end()
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	end()
	return words
}

// TestErrorsSayWhatToDo: what happened, what is so now, what to type next; with --json as one line.
func TestErrorsSayWhatToDo(t *testing.T) {
	p := client.Problemf(client.CodeRefused, "refused", "bank was not moved").Now("still serving").Then("peer migrate bank bravo")
	var errs bytes.Buffer
	a := &app{err: &errs}
	if code := a.fail(p); code != client.CodeRefused {
		t.Errorf("exit code %d", code)
	}
	if want := "peer: bank was not moved\nnow:  still serving\nnext: peer migrate bank bravo\n"; errs.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", errs.String(), want)
	}
	errs.Reset()
	a.json = true
	a.fail(p)
	var line struct {
		Type string `json:"type"`
		client.Problem
	}
	if err := json.Unmarshal(errs.Bytes(), &line); err != nil || line.Type != "error" || line.Problem != *p {
		t.Errorf("printed %s: %v", errs.String(), err)
	}
}

// TestCommandLinesThatMeanNothing exit with 2, whoever finds that out: the commands, or the library that reads the line.
func TestCommandLinesThatMeanNothing(t *testing.T) {
	for _, line := range []string{
		"nothing", "--nothing", "daemon nothing", "daemon ls --nothing", "daemon ls one", "demo one", "send notes --count x",
		"daemon show notes --query x --public-key", "completion bash one", "help nothing", "help migrate notes",
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(line), strings.NewReader(""), &out, &errs)
		if code != client.CodeUsage || !strings.Contains(errs.String(), "\nnext: peer ") {
			t.Errorf("peer %s: exit %d, %s", line, code, errs.String())
		}
	}
}

// TestEmptyArguments: a variable that is not set names nothing. An event may be empty.
func TestEmptyArguments(t *testing.T) {
	for _, args := range [][]string{{"send", "", "put a 1"}, {"migrate", "notes", ""}, {"daemon", "show", ""}, {"verify", "a", ""}, {"bench", ""}, {"key", "new", ""}, {"key", "revoke", ""}} {
		var out, errs bytes.Buffer
		if code := run(args, strings.NewReader(""), &out, &errs); code != client.CodeUsage || !strings.Contains(errs.String(), "was given an empty one\n") {
			t.Errorf("peer %q: exit %d, %s", args, code, errs.String())
		}
	}
	c, _, err := newRoot(&app{}).Find([]string{"send"})
	if err == nil {
		err = c.ValidateArgs([]string{"notes", ""})
	}
	if err != nil {
		t.Error(err)
	}
}

// TestWrongLineInJSON: --json counts also behind what cannot be read, and not where it is no flag.
func TestWrongLineInJSON(t *testing.T) {
	for line, want := range map[string]bool{
		"daemon ls --nothing --json": true, "--json nothing": true, "daemon ls one two --json": true,
		"--json=1 nothing": true, "--json=t nothing": true, "--json --json=false nothing": false, "--json=0 nothing": false, "daemon ls --nothing -- --json": false,
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(line), strings.NewReader(""), &out, &errs)
		if got := json.Valid(errs.Bytes()); code != client.CodeUsage || got != want {
			t.Errorf("peer %s: exit %d, %s", line, code, errs.String())
		}
	}
}

// TestHelpAboutWhatThereIs is given.
func TestHelpAboutWhatThereIs(t *testing.T) {
	for _, line := range []string{"help", "help migrate", "help migration watch"} {
		var out, errs bytes.Buffer
		if code := run(strings.Fields(line), strings.NewReader(""), &out, &errs); code != client.CodeDone || !strings.Contains(out.String(), "Usage:") {
			t.Errorf("peer %s: exit %d, %s", line, code, errs.String())
		}
	}
}

// TestExitCodesAreFrozen: scripts rely on them.
func TestExitCodesAreFrozen(t *testing.T) {
	got := []int{
		client.CodeDone, client.CodeError, client.CodeUsage, client.CodeUnknown, client.CodeRefused, client.CodeUnreachable,
		client.CodeDeadline, client.CodeStayed, client.CodeInDoubt, client.CodeProof, client.CodeThreshold, client.CodeIncomplete,
		client.CodeInterrupted,
	}
	for i, want := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130} {
		if got[i] != want {
			t.Errorf("code %d is %d", want, got[i])
		}
	}
}
