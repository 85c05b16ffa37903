package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestShortRun makes one real history: nodes as processes, faults, and a verdict.
func TestShortRun(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-runs", "1", "-length", "2s", "-keep", t.TempDir()}, &out, &out); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out.String())
	}
	if !strings.Contains(out.String(), "chaos: 1 passed, 0 failed") {
		t.Errorf("no summary:\n%s", out.String())
	}
}

func TestCommandLinesThatMeanNothing(t *testing.T) {
	for _, args := range [][]string{{"-runs", "0"}, {"-nodes", "1"}, {"-nodes", "x"}, {"more"}, {"-length", "-1s"}} {
		var out bytes.Buffer
		if code := run(t.Context(), args, &out, &out); code != 2 || out.Len() == 0 {
			t.Errorf("%q: exit code %d, %q", args, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &out, &out); code != 0 {
		t.Errorf("-h: exit code %d", code)
	}
}

// TestNothingWithoutAProgram: what cannot be tested has not passed.
func TestNothingWithoutAProgram(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-peer", "/bin/false", "-keep", t.TempDir()}, &out, &out); code != 1 {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"-peer", "/bin/true", "-keep", t.TempDir()}, &out, &out); code != 1 {
		t.Errorf("interrupted: exit code %d:\n%s", code, out.String())
	}
}

// TestVoidRunsDoNotPass: if fewer histories count than were asked for, it says so and fails, whatever the others have shown.
func TestVoidRunsDoNotPass(t *testing.T) {
	h := &harness{o: options{runs: 3}, total: totals{passed: 3}}
	if err := h.enough(); err != nil {
		t.Error(err)
	}
	for _, total := range []totals{{passed: 2, void: 31}, {passed: 1, failed: 1}, {}} {
		h.total = total
		if h.enough() == nil {
			t.Errorf("%+v is enough", total)
		}
	}
}
