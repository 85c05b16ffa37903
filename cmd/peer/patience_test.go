package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// TestCommandsHavePatience: a process that was stopped takes a question and answers none. What only looks does not wait
// for it without end.
func TestCommandsHavePatience(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket) // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var errs bytes.Buffer
	a := &app{admin: socket, err: &errs}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	err = a.with(within(10*time.Millisecond, func(ctx context.Context, c *client.Client, _ []string) error {
		_, err := c.Status(ctx)
		return err
	}))(cmd, nil)
	if code := a.fail(err); code != client.CodeDeadline || !strings.Contains(errs.String(), "has not answered in the time allowed\n") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}
