// Peer runs a ferry node and talks to one. It serves daemons, feeds them, moves them from node to
// node while they go on serving, and checks the signed proofs of those moves. "peer help" lists the
// commands; package client documents the conversation with a node for programs.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
