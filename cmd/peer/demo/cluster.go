package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/proc"
	"github.com/ferrymesh/ferry/wire"
)

// cluster is everything that a run puts into the world: a temporary directory and the processes of the
// nodes. Its close takes all of it out again.
type cluster struct {
	base     string
	members  []*member
	launcher *proc.Launcher
}

const (
	logDir      = "log"
	producerRow = "producer"
	// stopGrace is how long a node may take to end by itself.
	stopGrace = 2 * time.Second
	// startLimit is how long a node may take to be ready, on a machine that has other things to do.
	startLimit = 30 * time.Second
)

// newCluster makes the directories and keys and starts the nodes. Each of them lets in the others, for
// everything, and the producer, for submitting. Close it even after an error.
func newCluster(ctx context.Context, names []string, level wire.Durability, producer crypto.NodeID) (*cluster, error) {
	c := &cluster{launcher: proc.NewLauncher()}
	base, err := os.MkdirTemp(tempRoot(), "ferry-demo-")
	if err != nil {
		return c, err
	}
	c.base = base
	if err := os.Mkdir(c.logs(), 0o700); err != nil {
		return c, err
	}
	for _, name := range names {
		m, err := newMember(base, name, level)
		if err != nil {
			return c, err
		}
		c.members = append(c.members, m)
	}
	if err := c.authorize(producer); err != nil {
		return c, err
	}
	return c, c.startAll(ctx)
}

// maxTempRoot leaves room for the rest of the path of a socket: "/ferry-demo-1234567890/charlie/admin.sock".
const maxTempRoot = 60

// tempRoot is the system's directory for temporary files, or /tmp where that is too long for a socket.
func tempRoot() string {
	if root := os.TempDir(); len(root) <= maxTempRoot {
		return root
	}
	return "/tmp"
}

// authorize writes the file of authorized peers, which is the same for all: a node's own line does no harm.
func (c *cluster) authorize(producer crypto.NodeID) error {
	var lines strings.Builder
	for _, m := range c.members {
		fmt.Fprintln(&lines, crypto.AuthorizedLine(m.id, []string{"submit", "migrate-in", "migrate-out"}, m.name))
	}
	fmt.Fprintln(&lines, crypto.AuthorizedLine(producer, []string{"submit"}, producerRow))
	for _, m := range c.members {
		if err := os.WriteFile(m.file(authorizedFile), []byte(lines.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startAll starts the nodes side by side, then tells each where the others are.
func (c *cluster) startAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	errs := make([]error, len(c.members)) // one place each, so they need no lock
	var wg sync.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { errs[i] = m.start(ctx, c.launcher) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range c.members {
		if err := c.introduce(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// named returns the node of a name that one of them has.
func (c *cluster) named(name string) *member {
	return c.members[slices.IndexFunc(c.members, func(m *member) bool { return m.name == name })]
}

// introduce tells a node where the others can be dialed.
func (c *cluster) introduce(ctx context.Context, m *member) error {
	for _, other := range c.members {
		if other == m {
			continue
		}
		req := client.LearnRequest{Key: other.id.Hex(), Name: other.name, Addrs: []string{other.listen}}
		if _, err := m.admin.Learn(ctx, req); err != nil {
			return fmt.Errorf("node %s: %w", m.name, err)
		}
	}
	return nil
}

// restart brings a killed node back: the same key, the same address, the same directory.
func (c *cluster) restart(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := m.start(ctx, c.launcher); err != nil {
		return err
	}
	return c.introduce(ctx, m)
}

// crashed names the nodes that have ended without having been told to.
func (c *cluster) crashed() (names []string) {
	for _, m := range c.members {
		if m.process != nil && !m.process.Running() {
			names = append(names, m.name)
		}
	}
	return names
}

// peaks returns the most memory that each node has used so far, in bytes.
func (c *cluster) peaks() map[string]uint64 {
	peaks := make(map[string]uint64)
	for _, m := range c.members {
		m.measure()
		peaks[m.name] = m.peak
	}
	return peaks
}

// logs is where the nodes' logs are.
func (c *cluster) logs() string { return filepath.Join(c.base, logDir) }

// close ends the nodes and removes the directory. With keepLogs the logs stay, and the path of theirs is
// returned.
func (c *cluster) close(keepLogs bool) (logs string, err error) {
	var wg sync.WaitGroup
	for _, m := range c.members {
		m.measure() // the last moment at which the system still knows
		m.admin.Close()
		if m.process != nil {
			wg.Go(func() { m.process.Stop(stopGrace) })
		}
	}
	wg.Wait()
	c.launcher.Close()
	if c.base == "" {
		return "", nil
	}
	if !keepLogs {
		return "", os.RemoveAll(c.base)
	}
	for _, m := range c.members {
		err = errors.Join(err, os.RemoveAll(m.dir))
	}
	return c.logs(), err
}
