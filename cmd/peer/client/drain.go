package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// The states of a drain. In each but the last the node starts no daemon and takes none in.
const (
	DrainRunning    = "draining"   // daemons are moved away
	DrainDone       = "drained"    // nothing is left
	DrainIncomplete = "incomplete" // no further move is begun, and something is left
	DrainCancelled  = "cancelled"  // ended by CancelDrain; the moves that were under way go on
)

// DrainRequest asks a node to move everything away. Zero leaves a choice to the node.
type DrainRequest struct {
	To          []string      `json:"to,omitempty"`           // names, fingerprints, ids or prefixes; none is the peers that may hold daemons
	Deadline    time.Duration `json:"deadline_ns,omitempty"`  // how long moves are begun
	MaxParallel int           `json:"max_parallel,omitempty"` // how many move at once
}

// Drain is how far a node has come with moving everything away.
type Drain struct {
	Node        Node      `json:"node"`
	State       string    `json:"state"`
	Started     time.Time `json:"started"`
	Deadline    time.Time `json:"deadline"` // no move is begun after it
	Targets     []Node    `json:"targets"`
	MaxParallel int       `json:"max_parallel"`
	Total       int       `json:"total"`    // daemons that were here, or have come since
	Moved       int       `json:"moved"`    // and verified
	Ended       int       `json:"ended"`    // stopped by somebody: neither moved nor here
	Moving      int       `json:"moving"`   // on their way
	InDoubt     int       `json:"in_doubt"` // of which it is not known yet who serves them
	Arriving    int       `json:"arriving"` // births and arrivals that had begun before the drain
	// KeepsDirectory: moves between other nodes wait while this one is away.
	KeepsDirectory bool          `json:"keeps_directory,omitempty"`
	Slowest        time.Duration `json:"slowest_blackout_ns"`
	// Daemons are in the order in which they were found. Where only a change is told, they are those that have changed.
	Daemons []DrainDaemon `json:"daemons,omitempty"`
}

// Left is how many daemons are neither moved nor ended.
func (d Drain) Left() int { return d.Total - d.Moved - d.Ended }

// The states of a daemon of a drain, beside StateMoving.
const (
	DrainWaiting = "waiting"  // for its turn, for the next try, or to be brought back from the journal
	DrainInDoubt = "in_doubt" // on its way; waited for
	DrainMoved   = "moved"
	DrainEnded   = "ended"
	DrainStays   = "stays" // cannot be moved to any of the targets
)

// DrainDaemon is one daemon of a drain.
type DrainDaemon struct {
	ID        string        `json:"id"`
	Origin    string        `json:"origin"`
	Name      string        `json:"name,omitempty"`
	Kind      string        `json:"kind"`
	State     string        `json:"state"`
	Changed   time.Time     `json:"changed"`             // when it came into this state
	Target    Node          `json:"target,omitzero"`     // where it is, or is going
	Migration string        `json:"migration,omitempty"` // the last one
	Blackout  time.Duration `json:"blackout_ns,omitempty"`
	Failures  int           `json:"failures,omitempty"`   // moves of this drain that have not moved it
	FailedAt  Node          `json:"failed_at,omitzero"`   // the target of the last of them
	Again     time.Time     `json:"again,omitzero"`       // when it is tried again, if that is known
	Foreign   bool          `json:"foreign,omitempty"`    // the move under way was asked for by somebody else
	FailedWhy string        `json:"failed_why,omitempty"` // why not
	Problem   *Problem      `json:"problem,omitempty"`    // of one that is left: why, where it is, and what to do
}

// Label is the daemon's name, or the start of the id of one without.
func (d DrainDaemon) Label() string {
	return Daemon{ID: d.ID, Name: d.Name}.Label()
}

// Left reports whether the daemon is neither moved nor ended.
func (d DrainDaemon) Left() bool { return d.State != DrainMoved && d.State != DrainEnded }

// StartDrain makes the node start no daemons and take none in, and move away those that it has. One that is running already
// is the problem "draining", or "draining_otherwise" if it does not do what the request says.
func (c *Client) StartDrain(ctx context.Context, req DrainRequest) (d Drain, err error) {
	return d, c.call(ctx, http.MethodPost, "/v1/drain", req, &d)
}

// Drain tells how far the drain is. A node without one is the problem "no_drain".
func (c *Client) Drain(ctx context.Context) (d Drain, err error) {
	return d, c.call(ctx, http.MethodGet, "/v1/drain", nil, &d)
}

// CancelDrain lets births and arrivals in again and begins no further move.
func (c *Client) CancelDrain(ctx context.Context) (d Drain, err error) {
	return d, c.call(ctx, http.MethodDelete, "/v1/drain", nil, &d)
}

// WatchDrain calls f with every change of the drain, whose Daemons are those that have changed, until no further move is
// begun; the first call has all of them. It returns the last.
func (c *Client) WatchDrain(ctx context.Context, f func(Drain)) (Drain, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/drain/watch", "", nil)
	if err != nil {
		return Drain{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	last := Drain{State: DrainRunning}
	for last.State == DrainRunning {
		var d Drain
		if err := lines.Decode(&d); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return last, c.failed(ctx, err)
		}
		last = d
		f(d)
	}
	return last, nil
}
