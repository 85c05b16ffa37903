package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// readyLine is the JSON line of a node that serves: on standard output with --json, and on the descriptor
// of --ready-fd, so that whoever started the node need not guess when it can be used.
type readyLine struct {
	Type       string      `json:"type"` // "ready"
	Node       client.Node `json:"node"`
	PublicKey  string      `json:"public_key"`
	Addrs      []string    `json:"addrs"`
	Admin      string      `json:"admin"`
	Data       string      `json:"data"`
	Durability string      `json:"durability"`
	Directory  string      `json:"directory,omitempty"` // "here", or the name of the node that keeps it
	Daemons    int         `json:"daemons"`             // that the journal has, and that serve soon if they do not yet
	PID        int         `json:"pid"`
}

// ready says that the node can be used.
func (s *server) ready(a *app, f serveFlags) error {
	id := s.peer.ID()
	r := readyLine{
		Type: "ready", Node: client.Node{ID: id.Hex(), Fingerprint: id.String(), Name: s.name},
		PublicKey: reportKey("", id, s.name).PublicKey, Addrs: s.peer.Addrs(), Admin: s.socketPath, Data: s.dir,
		Durability: s.durability.String(), Directory: s.directoryOf(f), Daemons: s.serving(context.Background()), PID: os.Getpid(),
	}
	if err := a.print(r, func(w io.Writer) { r.write(w, s.made) }); err != nil {
		return unwritten(err).Now("stopped").Then(asBefore)
	}
	if s.readyTo == nil {
		return nil
	}
	if err := errors.Join(json.NewEncoder(s.readyTo).Encode(r), s.readyTo.Close()); err != nil {
		return usage("--ready-fd: %v", err).Now("stopped").Then("peer serve --help")
	}
	return nil
}

// takeReadyFD takes the descriptor that the ready line goes to, before this process opens anything: what is open under
// the number later may be the journal's own.
func (s *server) takeReadyFD(fd int) error {
	if fd < 0 {
		return nil
	}
	if fd <= 2 {
		return usage("--ready-fd %d is a standard stream, which other things are written to", fd).Now("not started").Then("peer serve --help")
	}
	if s.readyTo = given(fd); s.readyTo == nil {
		return usage("--ready-fd %d is not open", fd).Now("not started").Then("peer serve --help")
	}
	s.later(func() { _ = s.readyTo.Close() }) // ready has closed it before and told what came of it
	return nil
}

// write ends with the word that says it all, on a line of its own, for whoever waits for it.
func (r readyLine) write(w io.Writer, made bool) {
	key := ""
	if made {
		key = "  (a new key)"
	}
	fmt.Fprintf(w, "node    %s  %s%s\n", r.Node.Name, r.Node.Fingerprint, key)
	fmt.Fprintf(w, "listen  udp %s\n", strings.Join(r.Addrs, " "))
	fmt.Fprintf(w, "admin   unix %s (0600)\n", r.Admin)
	fmt.Fprintf(w, "data    %s  durability %s\n", r.Data, r.Durability)
	if r.Directory != "" {
		fmt.Fprintf(w, "moves   decided by the directory: %s\n", r.Directory)
	}
	if r.Daemons > 0 {
		fmt.Fprintf(w, "journal %s from before\n", count(r.Daemons, "daemon"))
	}
	if r.Durability == wire.DurabilityMemory.String() {
		fmt.Fprintln(w, "daemons that are born here are kept in memory: when this process ends they are gone, unless they have been moved away before")
	}
	fmt.Fprintln(w, "ready")
}
