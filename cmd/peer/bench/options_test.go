package bench

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// options reads a command line.
func options(args ...string) (Options, error) {
	var f Flags
	fs := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	f.Add(fs)
	if err := fs.Parse(args); err != nil {
		return Options{}, err
	}
	return f.Options(fs.Args(), fs.Changed)
}

func TestOptions(t *testing.T) {
	o, err := options()
	if err != nil || o.Kind != "ledger" || o.State != 64<<20 || o.Rate != 2000 || o.Daemons != 1 || o.Moves != 10 {
		t.Errorf("the defaults are %+v: %v", o, err)
	}
	o, err = options("edge-b", "--kind", "kv", "--state", "1GiB", "--payload", "4KiB", "--rate", "20k", "--fail-if", "lost>0", "--fail-if", "blackout_max>1s")
	if err != nil || o.State != 1<<30 || o.Payload != 4<<10 || o.Rate != 20_000 || len(o.Conditions) != 2 || len(o.Targets) != 1 {
		t.Errorf("read %+v: %v", o, err)
	}
	if o, err = options("--kind", "wordcount"); err != nil || o.State != 0 {
		t.Errorf("a wordcount with %d bytes: %v", o.State, err)
	}
}

// TestOptionsThatCannotBe are refused before anything is started, by a message that names the flag.
func TestOptionsThatCannotBe(t *testing.T) {
	for _, line := range []string{
		"--kind chess", "--durability often", "--state lots", "--state 1KiB", "--state 1TiB", "--kind kv --state 4GiB",
		"--kind wordcount --state 1MiB", "--payload 128", "--kind kv --payload 8", "--kind kv --payload 1MiB", "--kind kv --payload x",
		"--rate 0", "--rate -1", "--rate NaN", "--rate 1T", "--rate fast", "--daemons 0", "--daemons 1001", "--producers 0",
		"--moves -1", "--parallel 0", "--rest -1s", "--timeout 0s", "--fail-if lost",
	} {
		words := strings.Fields(line)
		_, err := options(words...)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != client.CodeUsage || p.Outcome != "nothing was started" || !strings.Contains(p.Detail, words[len(words)-2]) {
			t.Errorf("%s: %+v", line, err)
		}
	}
	for line, want := range map[string]string{
		"--daemons 100 --producers 11":          "more than 1000 producers",
		"--moves 0 --rest 0s":                   "nothing to measure",
		"--moves 0 --fail-if blackout_p50>50ms": "without moves there is no blackout_p50",
	} {
		if _, err := options(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
