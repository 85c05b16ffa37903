package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"sync"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/journal"
)

// journalConfig tunes the journal of a node.
func journalConfig() (cfg journal.Config, err error) {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // it ends the process instead of failing
	cfg.Salt = binary.BigEndian.Uint64(salt[:])
	if failHook == nil {
		return cfg, nil
	}
	if cfg.Fail, err = failHook(); err != nil {
		return cfg, usage("%v", err).Now("not started").Then("peer debug failpoints")
	}
	return cfg, nil
}

// journalProblem is what keeps a journal from being used, nil for another error or none.
func journalProblem(err error, dir string) *client.Problem {
	var damage *journal.DamageError
	switch {
	case errors.Is(err, journal.ErrLocked):
		return client.Problemf(client.CodeUsage, "node_running", "a node is running with the data directory %s", dir).
			Now("that node goes on; nothing was started").Then("peer status --data %s", client.Quote(dir))
	case errors.As(err, &damage):
		return client.Problemf(client.CodeProof, "damaged", "%s", client.Plain(damage.Error())).
			Now("nothing on the disk was changed").Then("peer journal verify --data %s", client.Quote(dir))
	}
	return nil
}

// fatal ends the process after a sync of the journal that failed. Whoever comes second waits for the end, so
// that it is told once and nothing is acknowledged meanwhile.
func (a *app) fatal() func(error) {
	var first sync.Mutex // never unlocked
	return func(err error) {
		first.Lock()
		os.Exit(a.fail(fatalProblem(err)))
	}
}

func fatalProblem(err error) *client.Problem {
	return client.Problemf(client.CodeError, "sync_failed", "the disk has failed to keep what was written: %s", client.Plain(err.Error())).
		Now("stopped; nothing that was acknowledged at durability every-event is lost, and what else is on the disk is known after a restart").
		Then(asBefore)
}
