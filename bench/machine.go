package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// libraries are the modules whose versions decide what the baselines can do.
var libraries = []string{
	"github.com/quic-go/quic-go", "google.golang.org/protobuf", "github.com/planetscale/vtprotobuf", "github.com/tinylib/msgp",
	"github.com/google/btree", "github.com/tidwall/btree", "github.com/puzpuzpuz/xsync/v4",
}

// header says on what the table was measured.
func header(took time.Duration, quick bool) string {
	var b strings.Builder
	b.WriteString("# Results\n\n")
	if quick {
		b.WriteString("A quick run: the figures show that the harness works, and nothing else.\n\n")
	}
	fmt.Fprintf(&b, "- Machine: %s, %d cores, Linux %s\n", processor(), runtime.NumCPU(), kernel())
	fmt.Fprintf(&b, "- %s; %s\n", runtime.Version(), strings.Join(versions(), ", "))
	fmt.Fprintf(&b, "- Commit %s, %s, the run took %s\n", commit(), time.Now().UTC().Format("2006-01-02 15:04 UTC"), took.Round(time.Second))
	b.WriteString("- Ratio: ferry / baseline of the same run, of medians (of quantiles where the row says so). Spread: least and greatest ratio of the rounds.\n\n")
	return b.String()
}

// processor is the name of the CPU.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kernel is the release of the kernel.
func kernel() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "unknown"
	}
	var b strings.Builder
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

// versions lists the libraries as they were linked.
func versions() (list []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, want := range libraries {
		for _, m := range info.Deps {
			if m.Path == want {
				list = append(list, m.Path[strings.Index(m.Path, "/")+1:]+" "+m.Version)
			}
		}
	}
	return list
}

// commit names the revision of the working tree, with a plus if it has changes.
func commit() string {
	rev, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(rev))
	if changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil || len(changes) > 0 {
		name += "+"
	}
	return name
}
