package main

import (
	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// interruptible runs a command that reads and prints without looking at the context. When that ends, the command is
// left where it is, and ends with the process: what it writes is there whole or not at all.
func interruptible(f func(args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		done := make(chan error, 1)
		go func() { done <- f(args) }()
		select {
		case err := <-done:
			return err
		case <-cmd.Context().Done():
			return client.Problemf(client.CodeInterrupted, "interrupted", "interrupted").Now("not finished")
		}
	}
}
