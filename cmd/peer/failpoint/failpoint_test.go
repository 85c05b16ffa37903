package failpoint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryPointOfTheJournalIsListed: the list is that of the calls in the journal's source.
func TestEveryPointOfTheJournalIsListed(t *testing.T) {
	files, err := filepath.Glob("../../../journal/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	call := regexp.MustCompile(`(?:\.Fail|\bfail)\("([^"]+)"\)`)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
	}
	slices.Sort(found)
	listed := slices.Sorted(slices.Values(Points))
	if found = slices.Compact(found); !slices.Equal(found, listed) {
		t.Errorf("in the journal %q, listed %q", found, listed)
	}
}

// TestAPointIsNamedWithItsCount: what is no point, or no count, is refused.
func TestAPointIsNamedWithItsCount(t *testing.T) {
	point, nth, err := parse("group: synced:12")
	if err != nil || point != "group: synced" || nth != 12 {
		t.Errorf("%q %d %v", point, nth, err)
	}
	for _, bad := range []string{"group: synced", "group: synced:0", "group: synced:x", ":1", "somewhere:1"} {
		if _, _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestTheHookCountsOnlyItsPoint: it acts once, at the n-th passing.
func TestTheHookCountsOnlyItsPoint(t *testing.T) {
	acted := 0
	h := hook("b", 2, func() { acted++ })
	for _, p := range []string{"a", "b", "a", "a"} {
		h(p)
	}
	if acted != 0 {
		t.Error("too early")
	}
	h("b")
	h("b")
	if acted != 1 {
		t.Errorf("acted %d times", acted)
	}
}
