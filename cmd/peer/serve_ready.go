package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
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
	PID        int         `json:"pid"`
}

// ready says that the node can be used.
func (s *server) ready(a *app, f serveFlags) error {
	id := s.peer.ID()
	r := readyLine{
		Type: "ready", Node: client.Node{ID: id.Hex(), Fingerprint: id.String(), Name: s.name},
		PublicKey: reportKey("", id, s.name).PublicKey, Addrs: s.peer.Addrs(), Admin: s.socketPath, Data: s.dir,
		Durability: "memory", PID: os.Getpid(),
	}
	if err := a.print(r, func(w io.Writer) { r.write(w, s.made) }); err != nil {
		return err
	}
	if f.readyFD < 0 {
		return nil
	}
	out := os.NewFile(uintptr(f.readyFD), "ready-fd")
	if out == nil {
		return usage("--ready-fd %d is not open", f.readyFD).Now("stopped").Then("peer serve --help")
	}
	defer out.Close()
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return usage("--ready-fd: %v", err).Now("stopped").Then("peer serve --help")
	}
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
	fmt.Fprintf(w, "data    %s\n", r.Data)
	fmt.Fprintln(w, "daemons are kept in memory: when this process ends they are gone, unless they have been moved away before")
	fmt.Fprintln(w, "ready")
}

// farewell says what ends with this process.
func (s *server) farewell(a *app) {
	list, err := s.peer.Daemons(context.Background())
	if err != nil {
		return
	}
	var lost []string
	for _, d := range list {
		name := d.Name
		if name == "" {
			name = d.Entity.Short()
		}
		if !d.Left {
			lost = append(lost, fmt.Sprintf("%s (%s, epoch %d)", name, d.Kind, d.Epoch))
		}
	}
	if a.json {
		_ = json.NewEncoder(a.out).Encode(struct {
			Type string   `json:"type"`
			Lost []string `json:"lost"`
		}{"closed", lost})
		return
	}
	if len(lost) == 0 {
		a.note("closed: no daemon was serving here")
		return
	}
	a.note("closed: %s served here, in memory only, and are lost now: %s", count(len(lost), "daemon"), strings.Join(lost, ", "))
}
