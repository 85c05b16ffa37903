package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/proc"
	"github.com/ferrymesh/ferry/wire"
)

// member is one of the nodes: a directory, a key, and a child process while it runs. It belongs to the
// goroutine of the script.
type member struct {
	name    string
	dir     string // its key, socket, data and configuration
	logPath string
	id      crypto.NodeID
	listen  string // "127.0.0.1:0" until it has run once; the same port after that
	admin   *client.Client
	process *proc.Process
	level   wire.Durability
	peak    uint64 // bytes of memory, over all its processes
}

// The files of a node in its directory, as "peer serve" expects them.
const (
	keyFile        = "node.key"
	authorizedFile = "authorized_peers"
	socketFile     = "admin.sock"
)

// readyLine is what "peer serve" prints when it can be used.
const readyLine = "ready"

// newMember makes a directory with a fresh key.
func newMember(base, name string, level wire.Durability) (*member, error) {
	m := &member{name: name, level: level, dir: filepath.Join(base, name), logPath: filepath.Join(base, logDir, name+".log"), listen: "127.0.0.1:0"}
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		return nil, err
	}
	key, err := crypto.CreateNodeKey(m.file(keyFile), name)
	if err != nil {
		return nil, err
	}
	m.id = key.ID() // the secret half stays in the file, for the child
	m.admin = client.Dial(m.file(socketFile))
	return m, nil
}

// file is the path of one of the node's files.
func (m *member) file(name string) string { return filepath.Join(m.dir, name) }

// args is the command line of the node.
func (m *member) args() []string {
	return []string{"serve", "--data", m.dir, "--name", m.name, "--listen", m.listen, "--durability", m.level.String()}
}

// start runs the node and waits until it is ready. A node that has run before listens where it did.
func (m *member) start(ctx context.Context, l *proc.Launcher) error {
	log, err := os.OpenFile(m.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	m.process, err = l.Run(proc.Command{
		Path: self, Args: m.args(), Log: log,
		Ready: func(line string) bool { return line == readyLine },
	})
	if err != nil {
		return fmt.Errorf("cannot start node %s: %w", m.name, err)
	}
	if err := m.process.WaitReady(ctx); err != nil {
		return fmt.Errorf("node %s: %w", m.name, err)
	}
	return m.locate(ctx)
}

// locate asks the node which port the system has given it.
func (m *member) locate(ctx context.Context) error {
	status, err := m.admin.Status(ctx)
	if err != nil {
		return fmt.Errorf("node %s: %w", m.name, err)
	}
	if len(status.Addrs) == 0 {
		return fmt.Errorf("node %s does not say where it listens", m.name)
	}
	m.listen = status.Addrs[0]
	return nil
}

// measure notes the memory that the running process has used so far.
func (m *member) measure() {
	if m.process == nil {
		return
	}
	if peak, err := proc.PeakMemory(m.process.PID()); err == nil { // not known of a process that has ended
		m.peak = max(m.peak, peak)
	}
}

// kill ends the node as a crash would.
func (m *member) kill() {
	m.measure()
	m.process.Kill()
}
