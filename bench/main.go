// Command bench measures ferry against what it is built on and writes a table of ratios.
//
//	go run . -o results.md              everything, about half an hour on two cores
//	go run . -quick -run 'codec|buffer' a look at two experiments
//
// Every figure is a ratio to a baseline that ran in the same process run, in alternation with it, because
// the speed of a machine varies by more than the differences that matter. docs/performance.md of the
// repository says what each row means.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"time"
)

// options are the flags.
type options struct {
	out, plots, profile string
	only                *regexp.Regexp
	quick, large, list  bool
}

// parseOptions reads the command line.
func parseOptions() (o options, err error) {
	flag.StringVar(&o.out, "o", "", "file for the table (default: standard output)")
	flag.StringVar(&o.plots, "plots", "", "folder for the plots (default: none are drawn)")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of this process and its children, one set for each experiment")
	flag.BoolVar(&o.quick, "quick", false, "small sizes and few repeats: shows that everything works, measures little")
	flag.BoolVar(&o.large, "large", false, "also move a state of 4 GiB")
	flag.BoolVar(&o.list, "list", false, "list the experiments")
	run := flag.String("run", "", "experiments to run: a regular expression on their names")
	flag.Parse()
	o.only, err = regexp.Compile(*run)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("bench: unexpected argument %q: every option has a flag, see -h", flag.Arg(0))
	}
	return o, err
}

// experiment is one part of the table.
type experiment struct {
	name string
	run  func(*lab) error
}

// experiments is the order of the table.
var experiments = []experiment{
	{"blackout", blackoutExperiment},
	{"durable", durableExperiment},
	{"acks", acksExperiment},
	{"transfer", transferExperiment},
	{"replay", replayExperiment},
	{"codec", codecExperiment},
	{"buffer", bufferExperiment},
	{"handler", handlerExperiment},
	{"registry", registryExperiment},
	{"submit", submitExperiment},
	{"moves", movesExperiment},
	{"wan", wanExperiment},
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		check(serveRole(role))
		return
	}
	o, err := parseOptions()
	check(err)
	if o.list {
		for _, e := range experiments {
			fmt.Println(e.name)
		}
		return
	}
	check(measure(o))
}

// check ends the program on an error. Children end with it.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure runs the chosen experiments and writes what they found.
func measure(o options) error {
	l := &lab{options: o, started: time.Now()}
	for _, e := range experiments {
		if !o.only.MatchString(e.name) {
			continue
		}
		begun := time.Now()
		if err := l.profiled(e); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-10s %6.1f s\n", e.name, time.Since(begun).Seconds())
	}
	return l.report()
}

// profiled runs one experiment, under the profiler if that is wanted.
func (l *lab) profiled(e experiment) error {
	l.experiment = e.name
	if l.profile == "" {
		return e.run(l)
	}
	f, err := os.Create(filepath.Join(l.profile, e.name+".bench.pprof"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return e.run(l)
}
