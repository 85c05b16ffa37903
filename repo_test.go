package ferry_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// These tests hold the rules that keep the architecture what its file list says it is. A rule that gets in
// the way is changed here, in the open, together with docs/design.md.

const module = "github.com/ferrymesh/ferry/"

// below lists what each package may import from this module. Packages that are not listed may import
// anything; test files may too.
var below = map[string][]string{
	"codec":        {},
	"crypto":       {"codec"},
	"wire":         {"codec", "crypto"},
	"daemon":       {"codec", "crypto", "wire"},
	"source":       {"codec", "crypto", "wire", "daemon"},
	"target":       {"codec", "crypto", "wire", "daemon"},
	"orchestrator": {"codec", "crypto", "wire", "daemon"},
	"subproto":     {"codec", "crypto", "wire", "daemon", "source", "target", "orchestrator"},
	"journal":      {"codec", "crypto", "wire"},
	"directory":    {"codec", "crypto", "wire"},
	"node":         {"codec", "crypto", "wire", "daemon", "source", "target", "orchestrator", "subproto", "journal", "directory"},
	"transport":    {"codec", "crypto", "wire"},
	"sim":          {"codec", "crypto", "wire", "daemon", "source", "target", "orchestrator", "subproto", "node", "journal", "journal/crashdisk", "directory"},
	"peer":         {"codec", "crypto", "wire", "daemon", "source", "target", "orchestrator", "subproto", "node", "transport", "journal", "directory"},
}

// pure lists the packages in which time is an argument and effects are values.
var pure = []string{"codec", "crypto", "wire", "daemon", "source", "target", "orchestrator", "subproto", "node", "journal", "directory"}

// impure lists imports that a pure package cannot have, and the files that are excepted: making a key reads
// the system's randomness, key files are files, and the journal's own disk is one.
var impure = map[string][]string{
	"crypto/rand": {"crypto/keypair.go", "crypto/nodekey.go"},
	"os":          {"crypto/keyfile.go", "journal/osdisk.go", "journal/osdisk_linux.go", "journal/osdisk_other.go", "journal/osdisk_unix.go", "journal/osdisk_windows.go"},
	"net":         nil, "net/http": nil, "os/exec": nil, "os/signal": nil,
	"log": nil, "log/slog": nil, "github.com/rs/zerolog": nil,
	"math/rand": nil, "math/rand/v2": nil,
	"github.com/quic-go/quic-go": nil,
}

// clock lists the functions of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// only names the one package that may import a library.
var only = map[string]string{
	"github.com/quic-go/quic-go": "transport",
	"go.etcd.io/bbolt":           "directory/bolt",
}

type file struct {
	path string // with slashes, from the root
	pkg  string // folder
	src  []byte
	ast  *ast.File
	fset *token.FileSet
}

func (f *file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// files parses every Go file of this module, and none of the modules inside it.
func files(t *testing.T) []*file {
	t.Helper()
	var list []*file
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(p)
		}
		if filepath.Ext(p) != ".go" {
			return nil
		}
		f, err := parse(filepath.ToSlash(p))
		list = append(list, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("only %d Go files found: is the test run from the root?", len(list))
	}
	return list
}

func enter(dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || strings.HasPrefix(filepath.Base(dir), ".") || filepath.Base(dir) == "testdata" {
		return filepath.SkipDir
	}
	return nil
}

func parse(p string) (*file, error) {
	src, err := os.ReadFile(p)
	if err != nil {
		return nil, err
	}
	f := &file{path: p, pkg: path.Dir(p), src: src, fset: token.NewFileSet()}
	f.ast, err = parser.ParseFile(f.fset, p, src, parser.ParseComments)
	return f, err
}

func (f *file) imports() []string {
	var list []string
	for _, spec := range f.ast.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		list = append(list, name)
	}
	return list
}

func TestImportTable(t *testing.T) {
	for _, f := range files(t) {
		allowed, listed := below[f.pkg]
		for _, imp := range f.imports() {
			own, ours := strings.CutPrefix(imp, module)
			if ours && listed && !f.test() && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s; package %s may import %v", f.path, own, f.pkg, allowed)
			}
			for lib, pkg := range only {
				if strings.HasPrefix(imp, lib) && f.pkg != pkg && !f.test() {
					t.Errorf("%s imports %s; only package %s may", f.path, imp, pkg)
				}
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, f := range files(t) {
		if f.test() || !slices.Contains(pure, f.pkg) {
			continue
		}
		for _, imp := range f.imports() {
			if excepted, banned := impure[imp]; banned && !slices.Contains(excepted, f.path) {
				t.Errorf("%s imports %s: below peer nothing does I/O, logs or reads randomness", f.path, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if bad := impureNode(n); bad != "" {
				t.Errorf("%s: %s: below peer time is an argument and nothing starts a goroutine", f.fset.Position(n.Pos()), bad)
			}
			return true
		})
	}
}

func impureNode(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a go statement"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

func TestNoSleepInTests(t *testing.T) {
	for _, f := range files(t) {
		if f.test() && f.path != "repo_test.go" && strings.Contains(string(f.src), "time."+"Sleep(") {
			t.Errorf("%s sleeps; wait for an event instead", f.path)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, f := range files(t) {
		want, err := format.Source(f.src)
		if err != nil {
			t.Error(err)
		} else if string(want) != string(f.src) {
			t.Errorf("%s is not formatted: run gofmt -w %s", f.path, f.path)
		}
	}
}

// TestSize: a function that cannot be read in one look is too long, a file that needs a table of contents is
// two files.
func TestSize(t *testing.T) {
	const maxFile, maxFunc = 400, 70
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		if n := strings.Count(string(f.src), "\n"); n > maxFile {
			t.Errorf("%s has %d lines, more than %d", f.path, n, maxFile)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > maxFunc {
				t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, n, maxFunc)
			}
		}
	}
}

// TestPackageDocs: one package comment per package, and it begins as godoc expects.
func TestPackageDocs(t *testing.T) {
	docs := make(map[string][]string)
	for _, f := range files(t) {
		if f.test() {
			continue
		}
		if f.ast.Doc == nil {
			docs[f.pkg] = append(docs[f.pkg], "")
			continue
		}
		want := "Package " + f.ast.Name.Name
		if f.ast.Name.Name == "main" {
			want = "Peer"
		}
		if !strings.HasPrefix(f.ast.Doc.Text(), want) {
			t.Errorf("%s: the package comment must begin with %q", f.path, want)
		}
		docs[f.pkg] = append(docs[f.pkg], f.path)
	}
	for pkg, paths := range docs {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" })
		if len(paths) != 1 {
			t.Errorf("package %s has %d package comments, want one: %v", pkg, len(paths), paths)
		}
	}
}

// TestExportedDocs: every exported name says what it is, except in commands and their parts.
func TestExportedDocs(t *testing.T) {
	for _, f := range files(t) {
		if f.test() || strings.HasPrefix(f.pkg, "cmd") {
			continue
		}
		for _, name := range undocumented(f.ast) {
			t.Errorf("%s: exported %s has no comment", f.path, name)
		}
	}
}

// selfEvident are methods whose name is a contract of the standard library.
var selfEvident = []string{"Error", "String"}

func undocumented(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !slices.Contains(selfEvident, d.Name.Name) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			names = append(names, undocumentedSpecs(d)...)
		}
	}
	return names
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := fmt.Sprint(d.Recv.List[0].Type)
	if star, ok := d.Recv.List[0].Type.(*ast.StarExpr); ok {
		typ = fmt.Sprint(star.X)
	}
	return ast.IsExported(typ)
}

func undocumentedSpecs(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				names = append(names, spec.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range spec.Names {
				if n.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

const protocol = "docs/protocol.md"

// cited finds "protocol §4.7.3" and "protocol.md §3.8" also where a comment breaks the line between the two.
var cited = regexp.MustCompile(`protocol(?:\.md)?(?:\s|//)+§([0-9]+(?:\.[0-9]+)*)`)

// numbered finds what the page numbers: headings of chapters and sections, and clauses in bold.
var numbered = regexp.MustCompile(`(?m)^(?:##+ |\*\*)([0-9]+(?:\.[0-9]+)*)\b`)

// TestCitedClausesExist: every clause of the protocol that code or docs cite is on the page, by its number.
func TestCitedClausesExist(t *testing.T) {
	page := read(t, protocol)
	exist := make(map[string]bool)
	for _, m := range numbered.FindAllStringSubmatch(page, -1) {
		if exist[m[1]] {
			t.Errorf("%s has two clauses %s", protocol, m[1])
		}
		exist[m[1]] = true
	}
	texts := map[string]string{"README.md": read(t, "README.md"), "docs/design.md": read(t, "docs/design.md")}
	for _, f := range files(t) {
		texts[f.path] = string(f.src)
	}
	found := 0
	for name, text := range texts {
		for _, m := range cited.FindAllStringSubmatch(text, -1) {
			found++
			if !exist[m[1]] {
				t.Errorf("%s cites protocol §%s, which does not exist", name, m[1])
			}
		}
	}
	if len(exist) < 100 || found < 50 {
		t.Fatalf("only %d clauses and %d citations found: does the test still read them?", len(exist), found)
	}
}

// TestProtocolReasons: the page's table of reasons is the code's, with its two marks.
func TestProtocolReasons(t *testing.T) {
	cell := regexp.MustCompile(`\| (\d+) \| ([a-z ]+?)( [†‡])? (?:\||$)`)
	_, table, _ := strings.Cut(read(t, protocol), "**3.5.4 Reasons.**")
	table, _, _ = strings.Cut(table, "**3.5.5")
	named := make(map[wire.Reason]bool)
	for line := range strings.Lines(table) {
		for rest := strings.TrimSpace(line); ; {
			m := cell.FindStringSubmatchIndex(rest)
			if m == nil {
				break
			}
			n, _ := strconv.Atoi(rest[m[2]:m[3]])
			r, name, mark := wire.Reason(n), rest[m[4]:m[5]], ""
			if m[6] >= 0 {
				mark = strings.TrimSpace(rest[m[6]:m[7]])
			}
			named[r] = true
			if name != r.String() || mark != markOf(r) {
				t.Errorf("%s calls reason %d %q %s, the code %q %s", protocol, n, name, mark, r, markOf(r))
			}
			rest = rest[m[5]:]
		}
	}
	for r := wire.ReasonInternal; r.Known(); r++ {
		if !named[r] {
			t.Errorf("%s does not list reason %d, %v", protocol, r, r)
		}
	}
}

func markOf(r wire.Reason) string {
	switch {
	case r.Transient():
		return "†"
	case r.Retryable():
		return "‡"
	}
	return ""
}

const behavior = "docs/behavior.md"

// TestRulesHaveTests: every rule on the page has a test named after it, and no test is named after a number that is neither a rule's nor
// a promise's.
func TestRulesHaveTests(t *testing.T) {
	rules, tested := make(map[string]bool), make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^\| ([CDOST]\d+) \| `).FindAllStringSubmatch(read(t, behavior), -1) {
		rules[m[1]] = true
	}
	promises := regexp.MustCompile(`(?m)^- \*\*(P\d+) `).FindAllStringSubmatch(read(t, protocol), -1)
	names := regexp.MustCompile(`(?m)^func Test((?:[CDOPST]\d+)+)_`)
	number := regexp.MustCompile(`([CDOPST])0?(\d+)`)
	for _, f := range files(t) {
		for _, name := range names.FindAllStringSubmatch(string(f.src), -1) {
			for _, n := range number.FindAllStringSubmatch(name[1], -1) {
				tested[n[1]+n[2]] = true
				promised := slices.ContainsFunc(promises, func(p []string) bool { return p[1] == n[1]+n[2] })
				if !promised && !rules[n[1]+n[2]] {
					t.Errorf("%s: Test%s_ names a rule that neither %s nor %s has", f.path, name[1], behavior, protocol)
				}
			}
		}
	}
	for rule := range rules {
		if !tested[rule] {
			t.Errorf("no test is named after %s", rule)
		}
	}
	if len(rules) < 40 || len(promises) < 7 {
		t.Fatalf("only %d rules and %d promises found: does this test still read the pages?", len(rules), len(promises))
	}
}

// TestReadmeProgram: the program in the README is the one that package peer's example compiles and runs.
func TestReadmeProgram(t *testing.T) {
	_, program, _ := strings.Cut(read(t, "README.md"), "```go\n")
	program, _, found := strings.Cut(program, "\n```")
	if !found || !strings.Contains(read(t, "peer/example_test.go"), program) {
		t.Error("the program in README.md is not in peer/example_test.go")
	}
}

// TestMakeTargetsOfThePages: what the README and CONTRIBUTING.md tell people to make, by itself on a line or in backquotes, is a target.
func TestMakeTargetsOfThePages(t *testing.T) {
	targets := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	named := regexp.MustCompile("(?m)(?:^    |`)make ([a-z-]+)")
	found := 0
	for _, page := range []string{"README.md", "CONTRIBUTING.md"} {
		for _, m := range named.FindAllStringSubmatch(read(t, page), -1) {
			found++
			if !targets[m[1]] {
				t.Errorf("%s: there is no target %s in the Makefile", page, m[1])
			}
		}
	}
	if found < 4 || len(targets) < 10 {
		t.Fatalf("only %d of %d targets are named: does this test still read the pages?", found, len(targets))
	}
}

// TestMakeBuildIsIgnored: the program goes to a folder of its own, which git does not look at. A path that is a folder already would
// have it put inside, among sources.
func TestMakeBuildIsIgnored(t *testing.T) {
	m := regexp.MustCompile(`(?m)^\tgo build -o (\S+) \./cmd/peer$`).FindStringSubmatch(read(t, "Makefile"))
	if m == nil {
		t.Fatal("the Makefile does not build the program")
	}
	if info, err := os.Stat(m[1]); err == nil && info.IsDir() {
		t.Errorf("make build puts the program into the folder %s", m[1])
	}
	dir, _, _ := strings.Cut(m[1], "/")
	if !slices.Contains(strings.Fields(read(t, ".gitignore")), "/"+dir+"/") {
		t.Errorf("make build makes %s, which .gitignore does not have", m[1])
	}
	if !strings.Contains(read(t, "README.md"), "`"+m[1]+"`") {
		t.Errorf("make build makes %s, which the README does not say", m[1])
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
