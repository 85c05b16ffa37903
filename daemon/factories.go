package daemon

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Expectation is how one daemon that is due to arrive is to be built.
type Expectation struct {
	// New makes an empty daemon for Restore. Required. It may be called again
	// when a restore failed, so it must not hand out the same daemon twice.
	New func() Daemon
	// Orchestrator, if set, is the only node that may conduct the migration.
	Orchestrator *crypto.NodeID
	// Config is for the host.
	Config HostConfig
}

// Build calls New. A panic and a nil daemon are wire.ErrStateFailed.
func (e Expectation) Build() (d Daemon, err error) {
	defer func() {
		if err != nil {
			d, err = nil, fmt.Errorf("%w: %w", wire.ErrStateFailed, err)
		}
	}()
	defer recovered("New", &err)
	if d = e.New(); d == nil {
		return nil, fmt.Errorf("daemon: the factory made none")
	}
	return d, nil
}

// Factories knows how to build the daemons this node is ready to receive: by
// kind for whoever comes, and by origin for one that is expected, which wins
// over its kind. It is safe for concurrent use and calls no factory itself.
type Factories struct {
	mu       sync.Mutex
	kinds    map[string]func() Daemon
	expected map[uint64]Expectation
}

// NewFactories returns a set without kinds or expectations.
func NewFactories() *Factories {
	return &Factories{kinds: make(map[string]func() Daemon), expected: make(map[uint64]Expectation)}
}

// RegisterKind has newDaemon build every daemon of that kind. It fails with
// ErrConfig for a nil function or a kind no daemon can have, and ErrKindTaken
// if there is a factory, which stays.
func (f *Factories) RegisterKind(kind string, newDaemon func() Daemon) error {
	if newDaemon == nil {
		return fmt.Errorf("%w: kind %.80q without a factory", ErrConfig, kind)
	}
	if err := checkTexts(kind, ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.kinds[kind]; ok {
		return fmt.Errorf("daemon: register %q: %w", kind, ErrKindTaken)
	}
	f.kinds[kind] = newDaemon
	return nil
}

// Expect prepares for the arrival of one daemon. The expectation serves until
// Remove, which the end of a migration calls, so that a failed attempt can be
// repeated. It fails with ErrConfig if e.New is nil, and ErrExpected if there
// is one for origin, which stays.
func (f *Factories) Expect(origin uint64, e Expectation) error {
	if e.New == nil {
		return fmt.Errorf("%w: origin %016x expected without a factory", ErrConfig, origin)
	}
	if e.Orchestrator != nil {
		// The caller's variable may change; what is expected may not.
		node := *e.Orchestrator
		e.Orchestrator = &node
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.expected[origin]; ok {
		return fmt.Errorf("daemon: expect origin %016x: %w", origin, ErrExpected)
	}
	f.expected[origin] = e
	return nil
}

// Remove drops the expectation for origin, if any. Kinds stay.
func (f *Factories) Remove(origin uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.expected, origin)
}

// Lookup returns how to build the daemon with that origin and kind: as
// expected, else by its kind with a zero Config, else it fails with
// wire.ErrFactoryNotFound. It uses nothing up.
func (f *Factories) Lookup(origin uint64, kind string) (Expectation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.expected[origin]; ok {
		return e, nil
	}
	if newDaemon, ok := f.kinds[kind]; ok {
		return Expectation{New: newDaemon}, nil
	}
	return Expectation{}, fmt.Errorf("daemon: origin %016x of kind %.80q: %w", origin, kind, wire.ErrFactoryNotFound)
}

// Expected returns the expectation for origin, if there is one.
func (f *Factories) Expected(origin uint64) (e Expectation, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok = f.expected[origin]
	return e, ok
}

// Kinds returns the registered kinds in alphabetical order.
func (f *Factories) Kinds() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	kinds := make([]string, 0, len(f.kinds))
	for kind := range f.kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
