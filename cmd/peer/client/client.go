package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client asks one node. It keeps a few connections open and is safe for concurrent use.
type Client struct {
	socket string
	http   *http.Client
}

// MaxAnswer bounds what is read of an answer that is not a stream or a passport, in bytes.
const MaxAnswer = 64 << 20

// Dial returns a client of the node whose admin socket is at the path. Nothing is opened before the first
// question, so it cannot fail.
func Dial(socketPath string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socketPath)
	}
	return &Client{socket: socketPath, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}}
}

// Socket returns the path of the socket.
func (c *Client) Socket() string { return c.socket }

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status describes the node.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/v1/status", nil, &s)
}

// Daemons lists the daemons that serve at the node and those it remembers.
func (c *Client) Daemons(ctx context.Context) (list []Daemon, err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/daemons", nil, &list)
}

// Daemon describes one daemon.
func (c *Client) Daemon(ctx context.Context, daemon string) (d Daemon, err error) {
	return d, c.call(ctx, http.MethodGet, "/v1/daemons/"+url.PathEscape(daemon), nil, &d)
}

// Spawn gives birth to a daemon at the node, of the node's own durability.
func (c *Client) Spawn(ctx context.Context, kind, name string) (Daemon, error) {
	return c.SpawnWith(ctx, SpawnRequest{Kind: kind, Name: name})
}

// SpawnWith gives birth to a daemon that is described in full.
func (c *Client) SpawnWith(ctx context.Context, req SpawnRequest) (d Daemon, err error) {
	return d, c.call(ctx, http.MethodPost, "/v1/daemons", req, &d)
}

// Stop ends a daemon for good.
func (c *Client) Stop(ctx context.Context, daemon string) (d Daemon, err error) {
	return d, c.call(ctx, http.MethodDelete, "/v1/daemons/"+url.PathEscape(daemon), nil, &d)
}

// Inspect reads a daemon that serves at the node, without an event. The answer is the daemon's own; those
// of the built-in kinds are JSON.
func (c *Client) Inspect(ctx context.Context, daemon string, query []byte) ([]byte, error) {
	return c.bytes(ctx, http.MethodPost, "/v1/daemons/"+url.PathEscape(daemon)+"/inspect", query)
}

// Submit submits one event, wherever the daemon is by now, and waits for the acknowledgment. A seq of 0
// lets the node count. If ctx ends first, the event may still be applied: submit it again under the same
// label and number to learn.
func (c *Client) Submit(ctx context.Context, daemon, label string, seq uint64, payload []byte) (r Receipt, err error) {
	return r, c.call(ctx, http.MethodPost, eventsPath(daemon), Submission{Label: label, Seq: seq, Payload: payload}, &r)
}

// eventsPath escapes the name, in which there may be anything but a slash.
func eventsPath(daemon string) string { return "/v1/daemons/" + url.PathEscape(daemon) + "/events" }

// Migrate starts a move and returns at once; Watch tells how it goes.
func (c *Client) Migrate(ctx context.Context, req MigrateRequest) (m Migration, err error) {
	return m, c.call(ctx, http.MethodPost, "/v1/migrations", req, &m)
}

// Migrations lists the migrations that the node plays a role in and has not forgotten, oldest first.
func (c *Client) Migrations(ctx context.Context) (list []Migration, err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/migrations", nil, &list)
}

// Migration describes one migration.
func (c *Client) Migration(ctx context.Context, id string) (m Migration, err error) {
	return m, c.call(ctx, http.MethodGet, "/v1/migrations/"+url.PathEscape(id), nil, &m)
}

// Cancel asks to stop a migration, which works up to its commit.
func (c *Client) Cancel(ctx context.Context, id string) (m Migration, err error) {
	return m, c.call(ctx, http.MethodDelete, "/v1/migrations/"+url.PathEscape(id), nil, &m)
}

// Passport returns the passport of a daemon, as crypto.ParsePassport reads it. The node must have the
// daemon or have had it since it was started.
func (c *Client) Passport(ctx context.Context, daemon string) ([]byte, error) {
	return c.bytes(ctx, http.MethodGet, "/v1/daemons/"+url.PathEscape(daemon)+"/passport", nil)
}

// MigrationPassport returns the passport of the daemon that a migration moved.
func (c *Client) MigrationPassport(ctx context.Context, id string) ([]byte, error) {
	return c.bytes(ctx, http.MethodGet, "/v1/migrations/"+url.PathEscape(id)+"/passport", nil)
}

// Peers lists the nodes that the asked one knows.
func (c *Client) Peers(ctx context.Context) (list []Peer, err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/nodes", nil, &list)
}

// Pending lists unknown callers that were turned away, newest first.
func (c *Client) Pending(ctx context.Context) (list []Pending, err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/nodes/pending", nil, &list)
}

// Learn tells the node where another one can be dialed, and what to call it. It gives that node no rights.
func (c *Client) Learn(ctx context.Context, req LearnRequest) (p Peer, err error) {
	return p, c.call(ctx, http.MethodPost, "/v1/nodes", req, &p)
}

// Authorize gives a key rights at the node, by a line in its file of authorized peers.
func (c *Client) Authorize(ctx context.Context, req AuthorizeRequest) error {
	return c.call(ctx, http.MethodPost, "/v1/authorized", req, nil)
}

// Reload makes the node read its file of authorized peers again, for those that are connected.
func (c *Client) Reload(ctx context.Context) (r Reloaded, err error) {
	return r, c.call(ctx, http.MethodPost, "/v1/reload", nil, &r)
}

// call asks with a JSON body, if in is not nil, and decodes the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	answer, err := c.bytes(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return Problemf(CodeError, "bad_answer", "the node at %s answered %s %s with something else than JSON: %v", c.socket, method, path, err).
			Then("peer version")
	}
	return nil
}

// bytes asks and returns the whole answer.
func (c *Client) bytes(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	resp, err := c.do(ctx, method, path, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer))
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return answer, nil
}

// do asks and returns an answer that is a success. The caller closes its body.
func (c *Client) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.problem(resp)
}

// problem reads the body of an answer that is no success.
func (c *Client) problem(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var p Problem
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return Problemf(CodeError, "bad_answer", "the node at %s answered %s", c.socket, resp.Status).Then("peer version")
	}
	return &p
}

// failed turns an error of the connection into a problem.
func (c *Client) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Problemf(CodeDeadline, "deadline", "the node at %s has not answered in the time allowed", c.socket).
			Now("unknown: what was asked for may still happen").Then("peer status --admin %s", Quote(c.socket))
	case ctx.Err() != nil:
		return Problemf(CodeInterrupted, "interrupted", "interrupted").Now("what was started goes on")
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		if errors.Is(err, fs.ErrPermission) {
			return Problemf(CodeRefused, "not_yours", "the admin socket %s cannot be used: %v", c.socket, reason(op)).
				Now("nothing was asked of the node, which may be running").Then("the same command as the user that runs the node")
		}
		return Problemf(CodeUnreachable, "no_node", "no node answers at %s: %v", c.socket, reason(op)).
			Then("peer serve, with the settings that the node had before, or --admin SOCKET for a node elsewhere")
	}
	return Problemf(CodeUnreachable, "node_gone", "the connection to the node at %s broke: %v", c.socket, err).
		Now("unknown: what was asked for may or may not have happened").Then("peer status --admin %s", Quote(c.socket))
}

// reason is the innermost text of a failed dial, without the socket's path, which is said already.
func reason(op *net.OpError) string {
	var err error = op
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return fmt.Sprint(err)
}
