package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// Watch calls f, which may be nil, with every new status of a migration until it has a final outcome, and
// returns the last one. With an outcome other than moved, the error is the status' Problem.
//
// A migration in doubt is watched on: f sees it and may end ctx. If the node ends first, that is a Problem
// of its own and the status is the last that was seen.
func (c *Client) Watch(ctx context.Context, id string, f func(Migration)) (Migration, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/migrations/"+url.PathEscape(id)+"/watch", "", nil)
	if err != nil {
		return Migration{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	var last Migration
	for !last.Final() {
		var m Migration
		if err := lines.Decode(&m); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return last, c.failed(ctx, err)
		}
		last = m
		if f != nil {
			f(m)
		}
	}
	return last, last.Err()
}

// Err returns the Problem of a migration that has not moved, nil for one that has or has no outcome yet.
func (m Migration) Err() error {
	if m.Problem == nil {
		return nil
	}
	return m.Problem
}
