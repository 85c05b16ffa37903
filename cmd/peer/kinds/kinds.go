package kinds

import (
	"errors"
	"slices"

	"github.com/ferrymesh/ferry/daemon"
)

// Errors, matched with errors.Is. The errors returned say what was found and what is expected.
var (
	// ErrPayload: the payload is no command of the kind. The event was not applied.
	ErrPayload = errors.New("kinds: malformed payload")
	// ErrSnapshot: the bytes are not a state that this kind could have written.
	ErrSnapshot = errors.New("kinds: not a snapshot of this kind")
	// ErrQuery: Inspect does not know the question.
	ErrQuery = errors.New("kinds: unknown query")
	// ErrInvariant: a state contradicts itself. Only a mistake in this package or in the
	// memory of the machine can cause it.
	ErrInvariant = errors.New("kinds: invariant broken")
	// ErrClosed: the ledger, or its view, was closed before.
	ErrClosed = errors.New("kinds: closed")
)

// kind describes one of the built-in kinds. The functions below are all that knows the list.
type kind struct {
	name string
	make func() daemon.Daemon
	help string
}

func builtin() []kind {
	return []kind{
		{"kv", func() daemon.Daemon { return NewKV() },
			"keys and values with compare-and-swap\n" +
				"  submit  put KEY VALUE | get KEY | delete KEY | incr KEY [N] | cas KEY VERSION VALUE\n" +
				"  inspect count | get KEY | keys [PREFIX] | digest | check | audit [PRODUCER]"},
		{"ledger", func() daemon.Daemon { return NewLedger() },
			"transfers between accounts whose sum never changes\n" +
				"  submit  open SIZE [BALANCE] (first, once: SIZE of state, such as 64MiB) | transfer FROM TO AMOUNT\n" +
				"  inspect accounts | account N | sum | check | audit [PRODUCER]"},
		{"wordcount", func() daemon.Daemon { return NewWordCount() },
			"lines, words and bytes as wc counts them, and the most frequent words\n" +
				"  submit  any text, cut anywhere\n" +
				"  inspect count | top [N] | check | audit [PRODUCER]"},
	}
}

// Names returns the names of the built-in kinds in alphabetical order.
func Names() []string {
	var names []string
	for _, k := range builtin() {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return names
}

// Help returns what a kind is for, on its first line, and what to submit and to ask, on the
// lines after it; without a newline at the end. It is empty for an unknown name.
func Help(name string) string {
	for _, k := range builtin() {
		if k.name == name {
			return k.help
		}
	}
	return ""
}

// Registry takes kinds of daemons: a node, which brings back those that its journal has, or factories alone.
type Registry interface {
	RegisterKind(kind string, newDaemon func() daemon.Daemon) error
}

// Register makes the built-in kinds available to a node. It stops at the first that r refuses,
// for instance because the name is taken.
func Register(r Registry) error {
	for _, k := range builtin() {
		if err := r.RegisterKind(k.name, k.make); err != nil {
			return err
		}
	}
	return nil
}

// Opening returns the payload that a new daemon of a kind needs as its first event for a state
// of about size bytes, or nil if the kind starts empty. Being an event, it is in the log, and
// every later holder of the daemon rebuilds the same state from it.
func Opening(name string, size uint64) []byte {
	if name != "ledger" {
		return nil
	}
	return openPayload(size)
}
