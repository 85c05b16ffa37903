package sim_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/sim"
)

var shrink = flag.Bool("shrink", false, "shorten the storm of -seed, which fails, and write it to standard output as a script")

// TestScriptIsTheStorm: a storm that is done again from what it wrote down is the same run, byte for byte, also
// after the script has been text.
func TestScriptIsTheStorm(t *testing.T) {
	for seed := range uint64(20) {
		storm := sim.NewStorm(sim.Options{Seed: seed, Hash: true})
		if err := storm.Run(); err != nil {
			t.Error(err)
		}
		again := sim.NewScripted(reread(t, storm.Script()), sim.Options{Hash: true})
		if err := again.Run(); err != nil {
			t.Error(err)
		}
		if storm.Hash() != again.Hash() {
			t.Errorf("seed %d: the script is another run than the storm", seed)
		}
	}
}

// reread writes a script and reads it back.
func reread(t *testing.T, sc sim.Script) sim.Script {
	t.Helper()
	var text bytes.Buffer
	if _, err := sc.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	sc, err := sim.ReadScript(&text)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// quiet is a rule that few storms keep: the first process to die does so before daemons have moved twice. It stands for
// a bug that needs just that. What moves after the storm comes too late to break it.
func quiet() func(c *sim.Cluster) string {
	var of *sim.Cluster
	var moves int
	return func(c *sim.Cluster) string {
		if c != of || c.Deaths() == 0 {
			of, moves = c, c.Moved()
		}
		if c.Deaths() >= 1 && moves >= 2 {
			return "daemons have moved twice, and then a process has died"
		}
		return ""
	}
}

// TestShrink: what is left of a storm that breaks a rule is what breaks it.
func TestShrink(t *testing.T) {
	rule := quiet()
	var long sim.Script
	for seed := uint64(1000); len(long.Acts) < 100; seed++ {
		storm := sim.NewStorm(sim.Options{Seed: seed, Rule: rule})
		if storm.Run() != nil {
			long = storm.Script()
		}
	}
	short, runs := sim.Shrink(long, sim.Options{Rule: rule})
	t.Logf("%d acts, %d after %d runs", len(long.Acts), len(short.Acts), runs)
	count := make(map[string]int)
	for _, a := range short.Acts {
		count[a.Op]++
	}
	if len(short.Acts) != 4 || count["spawn"] != 1 || count["migrate"] != 2 || count["kill"] != 1 {
		var text strings.Builder
		_, err := short.WriteTo(&text)
		t.Errorf("a birth, two moves and a death would do:\n%s%v", text.String(), err)
	}
	if sim.NewScripted(reread(t, short), sim.Options{Rule: rule}).Run() == nil {
		t.Error("the shortened script keeps the rule")
	}
}

// TestShrinkSeed writes the script of -seed to standard output, as short as it gets. It does nothing without -shrink.
func TestShrinkSeed(t *testing.T) {
	if !*shrink {
		return
	}
	moreGarbage(t)
	storm := sim.NewStorm(sim.Options{Seed: *seed})
	err := storm.Run()
	if err == nil {
		t.Fatalf("seed %d does not fail", *seed)
	}
	short, runs := sim.Shrink(storm.Script(), sim.Options{})
	t.Logf("%v\n%d acts, %d after %d runs", err, len(storm.Script().Acts), len(short.Acts), runs)
	if _, err := short.WriteTo(os.Stdout); err != nil {
		t.Fatal(err)
	}
}

// TestScripts runs the scripts that were kept: each once failed, and was shortened then. What happens in each is
// compared with what was recorded when somebody last looked at it.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/scripts/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := sim.ReadScript(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := sim.NewScripted(sc, sim.Options{Trace: &out}).Run(); err != nil {
				t.Error(err)
			}
			compare(t, strings.TrimSuffix(path, ".script")+".txt", out.String())
		})
	}
}
