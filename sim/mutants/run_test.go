//go:build mutants

package mutants_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	root  = flag.String("root", "../..", "the module to mutate")
	only  = flag.String("only", ".", "a regular expression: the mutations to try")
	extra = flag.Bool("open", false, "try the mistakes that need not be found")
	seeds = flag.Int("seeds", 2000, "how many storms may pass before a mutation counts as not caught")
)

// edit replaces a text that occurs exactly once in its file.
type edit struct{ file, old, new string }

// mutation is one mistake. It is planted in a copy of the files it touches, which the compiler is told to take in
// their place: nothing in the tree changes.
type mutation struct {
	name    string
	broken  string // what the code does not do any more
	promise string // that it breaks
	edits   []edit
	tests   string // scripted tests that are run after the storms, "" for none
	pkg     string // the package whose tests must find it, "" for the simulator
	by      string // a regular expression for what the check says that must find it, "" for any check
}

// TestAnchors: every text that a mutation replaces is there, once. It costs nothing, so it comes first.
func TestAnchors(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range slices.Concat(mutations, open) {
		if seen[m.name] {
			t.Errorf("two mutations are called %s", m.name)
		}
		seen[m.name] = true
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Error(err)
		}
		if _, err := regexp.Compile(m.by); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// TestUnchanged: without a mutation everything passes, so what fails below fails because of one.
func TestUnchanged(t *testing.T) {
	for _, m := range append([]mutation{{name: "none", tests: "."}}, packages()...) {
		if v := m.try(t); v.by != "" {
			t.Errorf("the code as it is fails: %s in %s %s\n%s", v.by, m.pkg, v.where, v.output)
		}
	}
}

// packages are the tests of packages that find mutations, each once and with no mutation.
func packages() (list []mutation) {
	for _, m := range mutations {
		m = mutation{name: "none", pkg: m.pkg, tests: m.tests}
		known := func(o mutation) bool { return o.pkg == m.pkg && o.tests == m.tests }
		if m.pkg != "" && !slices.ContainsFunc(list, known) {
			list = append(list, m)
		}
	}
	return list
}

// TestMutations: every mutation is caught, by a check of the simulator or, where the list says so, by the tests of a
// package.
func TestMutations(t *testing.T) {
	which := regexp.MustCompile(*only)
	list := mutations
	if *extra {
		list = open
	}
	for _, m := range list {
		if !which.MatchString(m.name) {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			v := m.try(t)
			if v.by == "" {
				t.Errorf("not caught: %s", m.broken)
				return
			}
			if !regexp.MustCompile(m.by).MatchString(v.by) {
				t.Errorf("caught by %q in %s and not by %q: %s\n%s", v.by, v.where, m.by, m.broken, v.output)
			}
			fmt.Printf("| %s | %s | %s | %s | %s |\n", m.name, m.broken, m.promise, v.by, v.where)
		})
	}
}

// verdict is what has caught a mutation, and where: a seed or a test.
type verdict struct{ by, where, output string }

// try builds the tests with the mutation and runs them until one fails.
func (m mutation) try(t *testing.T) verdict {
	dir := t.TempDir()
	overlay, err := m.overlay(dir)
	if err != nil {
		t.Fatal(err)
	}
	pkg := m.pkg
	if pkg == "" {
		pkg = "sim"
	}
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-p", "1", "-ldflags", "-s -w", "-overlay", overlay, "-o", binary, "./"+pkg)
	build.Dir = *root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s does not compile: %v\n%s", m.name, err, out)
	}
	if m.pkg != "" {
		return m.run(t, binary, pkg, "^("+m.tests+")$")
	}
	v := m.run(t, binary, pkg, "^TestStorm$", "-seeds", fmt.Sprint(*seeds), "-failures", "1")
	if v.by == "" && m.tests != "" {
		v = m.run(t, binary, pkg, "^("+m.tests+")$")
	}
	return v
}

// run runs one test binary, in one thread so that the first seed that fails is the first there is.
func (m mutation) run(t *testing.T, binary, pkg, tests string, args ...string) verdict {
	t.Helper()
	if tests == "^(.)$" {
		tests, args = ".", []string{"-seeds", "20"} // the storms have been
	}
	cmd := exec.Command(binary, append([]string{"-test.run", tests, "-test.timeout", "15m"}, args...)...)
	cmd.Dir = filepath.Join(*root, pkg)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && bytes.Contains(out, []byte("no tests to run")):
		t.Fatalf("%s: there are no tests %s in %s", m.name, tests, pkg)
	case err == nil:
		return verdict{}
	case !errors.As(err, &exit):
		t.Fatal(err)
	case bytes.Contains(out, []byte("panic: test timed out")):
		t.Fatalf("%s: timed out; that is not a check\n%s", m.name, tail(out))
	}
	v := read(out)
	if v.by == "" {
		t.Fatalf("%s: it fails, and no check says why\n%s", m.name, tail(out))
	}
	return v
}

var (
	stormFailed = regexp.MustCompile(`sim: seed (\d+), [^:]+: (.*)`)
	selfCheck   = regexp.MustCompile(`sim: seed (\d+), panic: (\w+: internal error: .*)`)
	testFailed  = regexp.MustCompile(`(?m)^\s*--- FAIL: (Test\S+)`)
	varying     = regexp.MustCompile(`SHA256:[\w+/]+|\b[0-9a-f]*\d[0-9a-f]*\b`)
)

// read says which check has failed, in its own words without the numbers.
func read(out []byte) verdict {
	v := verdict{output: tail(out)}
	if m := testFailed.FindAllSubmatch(out, -1); m != nil {
		v.where = string(m[len(m)-1][1])
		v.by = "its own check"
	}
	for _, re := range []*regexp.Regexp{stormFailed, selfCheck} {
		if m := re.FindSubmatch(out); m != nil {
			if v.where == "" || v.where == "TestStorm" {
				v.where = "seed " + string(m[1])
			}
			v.by = clip(varying.ReplaceAllString(string(m[2]), "·"))
		}
	}
	return v
}

func clip(s string) string {
	if len(s) > 90 {
		return strings.ToValidUTF8(s[:90], "") + "…"
	}
	return s
}

func tail(out []byte) string {
	const most = 3000
	return string(out[max(0, len(out)-most):])
}

// overlay writes the mutated files into a folder, and beside them the file that tells the compiler of them.
func (m mutation) overlay(dir string) (string, error) {
	base, err := filepath.Abs(*root)
	if err != nil {
		return "", err
	}
	changed := make(map[string]string)
	for _, e := range m.edits {
		if _, ok := changed[e.file]; !ok {
			b, err := os.ReadFile(filepath.Join(base, e.file))
			if err != nil {
				return "", fmt.Errorf("%s: %w", m.name, err)
			}
			changed[e.file] = string(b)
		}
		if n := strings.Count(changed[e.file], e.old); n != 1 {
			return "", fmt.Errorf("%s: %q is in %s %d times and must be there once: the code has changed, look at what the mutation means now", m.name, e.old, e.file, n)
		}
		changed[e.file] = strings.Replace(changed[e.file], e.old, e.new, 1)
	}
	replace := make(map[string]string)
	for name, text := range changed {
		to := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(base, name)] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, b, 0o644)
}
