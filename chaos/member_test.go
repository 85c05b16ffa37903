package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/internal/proc"
	"github.com/ferrymesh/ferry/internal/relay"
)

// newTestMember returns a member whose program is a shell script. It is ended with the test.
func newTestMember(t *testing.T, script string) *member {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	text := "#!/bin/sh\necho '{\"type\":\"ready\",\"addrs\":[\"127.0.0.1:9\"]}'\n" + script + "\n"
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	c := &cluster{h: &harness{peer: program, launcher: proc.NewLauncher()}, mesh: relay.NewMesh(1)}
	m := &member{c: c, name: "a", dir: dir, logPath: filepath.Join(dir, "log"), listen: "127.0.0.1:0"}
	c.members = []*member{m}
	t.Cleanup(func() {
		m.kill()
		c.h.launcher.Close()
	})
	return m
}

// TestACrashIsNotForgotten: a node that ends by itself is a finding, also if it is started again before anybody asks, or killed
// when it is dead already.
func TestACrashIsNotForgotten(t *testing.T) {
	for name, after := range map[string]func(t *testing.T, m *member){
		"nothing": func(*testing.T, *member) {},
		"killed":  func(_ *testing.T, m *member) { m.kill() },
		"started": func(t *testing.T, m *member) {
			if err := m.start(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"killed and started": func(t *testing.T, m *member) {
			m.kill()
			if err := m.start(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMember(t, `[ -e "$0.been" ] && exec sleep 60; touch "$0.been"; exit 3`)
			if err := m.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-m.died()
			after(t, m)
			for range 2 { // each crash is told once, however often it is asked for
				if err := m.crashed(); err == nil || strings.Count(err.Error(), "ended by itself: exit status 3") != 1 {
					t.Errorf("a node that ended by itself: %v", err)
				}
			}
		})
	}
}

// TestAWantedDeathIsNoCrash: neither a kill nor a death that was announced is a finding.
func TestAWantedDeathIsNoCrash(t *testing.T) {
	m := newTestMember(t, `exec sleep 60`)
	for i := range 2 {
		if err := m.start(t.Context(), fmt.Sprint("TURN=", i)); err != nil {
			t.Fatal(err)
		}
		if m.expect(); i == 0 {
			m.kill()
		}
		if err := m.crashed(); err != nil {
			t.Error(err)
		}
	}
}
