package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// farewell is what becomes of the daemons of a node that ends.
type farewell struct {
	Type string   `json:"type"` // "closed"
	Kept []string `json:"kept"` // in the journal
	Lost []string `json:"lost"` // with the process
}

// end closes the node and says what becomes of its daemons.
func (s *server) end(a *app) error {
	bye := s.farewell()
	if err := s.peer.Close(); err != nil {
		return client.Problemf(client.CodeError, "not_closed", "the node has not closed in order: %s", client.Plain(err.Error())).
			Now("closed; what was acknowledged at durability every-event is in the journal").Then(asBefore)
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(bye)
	}
	if len(bye.Kept)+len(bye.Lost) == 0 {
		a.note("closed: no daemon was serving here")
	}
	if n := len(bye.Kept); n > 0 {
		a.note("closed: %s in the journal for the next start: %s", count(n, "daemon"), strings.Join(bye.Kept, ", "))
	}
	if n := len(bye.Lost); n > 0 {
		a.note("closed: %s served here, in memory only, and are lost now: %s", count(n, "daemon"), strings.Join(bye.Lost, ", "))
	}
	return nil
}

// farewell sorts the daemons that are here. One that cannot be brought back is kept as it is, too.
func (s *server) farewell() farewell {
	bye := farewell{Type: "closed", Kept: []string{}, Lost: []string{}}
	list, err := s.peer.Daemons(context.Background())
	if err != nil {
		return bye // it is closed already, by an error that says more
	}
	for _, d := range list {
		name := d.Name
		if name == "" {
			name = d.Entity.Short()
		}
		text := fmt.Sprintf("%s (%s, epoch %d)", name, d.Kind, d.Epoch)
		if d.Dormant {
			text = fmt.Sprintf("%s (%s, not brought back)", name, d.Kind)
		}
		switch {
		case d.Left:
		case d.Durability == wire.DurabilityMemory:
			bye.Lost = append(bye.Lost, text)
		default:
			bye.Kept = append(bye.Kept, text)
		}
	}
	return bye
}
