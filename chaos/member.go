package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/proc"
)

// startLimit is how long a node may take to be ready, on a machine that has other things to do.
const startLimit = 30 * time.Second

// member is one node of a cluster: a directory with its key, and a process while it runs.
type member struct {
	c       *cluster
	name    string
	dir     string
	logPath string
	id      crypto.NodeID
	admin   *client.Client
	disk    *disk // nil without one of its own

	mu       sync.Mutex // held while the process is started or ended
	listen   string     // the same port after the first start
	process  *proc.Process
	addr     string // that the process has said it listens at
	expected bool   // the next death is somebody's doing
	broke    error  // how processes have ended that nobody wanted to; see notice
}

// newMember makes the directory, with a disk of its own if it can have one, and the key.
func newMember(c *cluster, name string) (*member, error) {
	m := &member{c: c, name: name, dir: filepath.Join(c.base, name), logPath: filepath.Join(c.base, name+".log"), listen: "127.0.0.1:0"}
	err := os.Mkdir(m.dir, 0o700)
	if err == nil && c.h.disks {
		m.disk, err = mountDisk(m.dir)
	}
	if err != nil {
		return m, err
	}
	key, err := crypto.CreateNodeKey(filepath.Join(m.dir, "node.key"), name)
	if err != nil {
		return m, err
	}
	m.id = key.ID() // the secret half stays in the file
	key.Wipe()
	m.admin = client.Dial(filepath.Join(m.dir, "admin.sock"))
	return m, nil
}

// args is the command line of the node, which knows the others by the addresses of relays.
func (m *member) args() ([]string, error) {
	args := []string{"serve", "--json", "--data", m.dir, "--name", m.name, "--listen", m.listen, "--log-level", "debug", "--log-format", "text", "--durability", m.c.level}
	if m.c.kept {
		args = append(args, "--directory", m.keeper())
	}
	for _, other := range m.c.members {
		if other == m {
			continue
		}
		addr, err := m.c.mesh.Addr(m.name, other.name)
		if err != nil {
			return nil, err
		}
		args = append(args, "--peer", fmt.Sprintf("%s=%s@%s", other.name, other.id.Hex(), addr))
	}
	return args, nil
}

// keeper is where the directory is, for the node's command line.
func (m *member) keeper() string {
	if first := m.c.members[0]; m != first {
		return first.name
	}
	return "here"
}

// start runs the node, with more environment for tests of it, and waits until it is ready. A node that runs
// is left alone.
func (m *member) start(ctx context.Context, env ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil && m.process.Running() {
		return nil
	}
	if err := m.launch(env); err != nil {
		return fmt.Errorf("node %s cannot be started: %w", m.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := m.process.WaitReady(ctx); err != nil {
		return fmt.Errorf("node %s: %w", m.name, err)
	}
	m.listen = m.addr
	return m.c.mesh.Place(m.name, m.listen)
}

// launch starts the process. m.mu is held.
func (m *member) launch(env []string) error {
	m.notice()
	args, err := m.args()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(m.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "-- start %v\n", env)
	m.expected = false
	m.process, err = m.c.h.launcher.Run(proc.Command{Path: m.c.h.peer, Args: args, Env: env, Log: log, Ready: m.ready})
	return err
}

// ready takes the address from the line with which a node says that it is ready. WaitReady comes after it.
func (m *member) ready(text string) bool {
	var line struct {
		Type  string
		Addrs []string
	}
	if json.Unmarshal([]byte(text), &line) != nil || line.Type != "ready" || len(line.Addrs) == 0 {
		return false
	}
	m.addr = line.Addrs[0]
	return true
}

// kill ends the node as a crash would.
func (m *member) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notice()
	if m.process != nil {
		m.expected = true
		m.process.Kill()
	}
}

// notice remembers the end of a process that nobody wanted, before another takes its place or its death looks like
// somebody's doing. m.mu is held.
func (m *member) notice() {
	if m.process == nil || m.process.Running() || m.expected {
		return
	}
	m.broke = errors.Join(m.broke, fmt.Errorf("node %s ended by itself: %v", m.name, m.process.Err()))
	m.expected = true // from here on it is known
}

// expect says that the node may die now without that being a finding.
func (m *member) expect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expected = true
}

// signal sends a signal, if the node runs.
func (m *member) signal(s syscall.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil {
		m.process.Signal(s)
	}
}

// died returns the channel that is closed when the process ends.
func (m *member) died() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process.Exited()
}

// crashed returns an error if the node has ended, now or before it was started again, and nobody wanted it to.
func (m *member) crashed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notice()
	return m.broke
}

// close ends the node for good and gives its disk back.
func (m *member) close() error {
	m.signal(syscall.SIGCONT)
	m.kill()
	if m.admin != nil {
		m.admin.Close()
	}
	return errors.Join(m.disk.unmount())
}
