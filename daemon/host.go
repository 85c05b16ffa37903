package daemon

import (
	"fmt"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// HostConfig is what a Host may be told beside its daemon and its key. It is
// copied; the zero value is ready to use.
type HostConfig struct {
	// Now stamps handovers, in UTC. Nil leaves their time zero. It is called
	// with the host's lock held and must return at once.
	Now func() time.Time
	// Node is the node this host runs on. If set, Replay refuses a handover to
	// any other node at once; Activate checks it in any case.
	Node crypto.NodeID
	// Name is for people, at most wire.MaxName bytes of printable text. It is
	// given at birth and travels with the daemon: Restore ignores it.
	Name string
	// Administrator may later sign forced entries; the genesis names it for
	// good. Zero means that there can be none. Only for births.
	Administrator crypto.PublicKey
}

// Host runs one daemon: it sequences what is submitted, links it into the
// chain, remembers what it acknowledged, and knows whether it may answer. See
// the package documentation for its states.
//
// Two locks, taken in this order. The turn is held for everything that moves
// the log or touches the daemon, so also for as long as Process takes. The
// mutex is held for moments only; whoever writes a field below it holds both,
// so a holder of the turn may read them without. Head, Epoch, Passport and the
// state therefore answer at once, however slow the daemon is.
type Host struct {
	origin uint64 // this group never changes
	name   string
	now    func() time.Time
	node   crypto.NodeID

	turn      sync.Mutex
	d         Daemon                // nil once retired
	key       *crypto.EntityKeypair // the key of this host's own epoch
	producers *producers            // nil until the first event
	snapshots uint64                // sequence of the latest snapshot taken

	mu    sync.Mutex
	state state
	head  crypto.Head
	epoch uint64 // held or last held
	// Of the passport only the handovers are ever written, so the rest may be read without a lock. They are
	// shared with snapshots: appended to a copy, never changed.
	passport crypto.Passport
}

// NewHost gives birth to a daemon. Its EntityID is the public half of key,
// which signs the genesis and everything else in the first epoch; the host
// owns the key from now on and wipes it in Retire. kind names the factory that
// other nodes need to build the daemon: at most wire.MaxKind bytes.
//
// It fails with ErrConfig, crypto.ErrCannotSign if key has no secret half, or
// crypto.ErrWeakKey if the administrator's key is not fit for use.
func NewHost(d Daemon, key *crypto.EntityKeypair, kind string, cfg HostConfig) (*Host, error) {
	if err := checkParts(d, key); err != nil {
		return nil, err
	}
	if err := checkTexts(kind, cfg.Name); err != nil {
		return nil, err
	}
	genesis, err := crypto.SignGenesis(key, kind, cfg.Administrator)
	if err != nil {
		return nil, fmt.Errorf("daemon: birth: %w", err)
	}
	return &Host{
		origin: crypto.OriginOf(genesis.Entity), name: cfg.Name, now: cfg.Now, node: cfg.Node,
		d: d, key: key,
		state: serving, head: genesis.Head(), epoch: 1,
		passport: crypto.NewPassport(genesis),
	}, nil
}

// checkParts refuses a host without daemon or signing key.
func checkParts(d Daemon, key *crypto.EntityKeypair) error {
	switch {
	case d == nil:
		return fmt.Errorf("%w: no daemon", ErrConfig)
	case key == nil:
		return fmt.Errorf("%w: no key", ErrConfig)
	case !key.CanSign():
		return fmt.Errorf("daemon: key of a host: %w", crypto.ErrCannotSign)
	}
	return nil
}

// checkTexts refuses names that frames could not carry or terminals not print.
func checkTexts(kind, name string) error {
	if len(kind) > wire.MaxKind || !printable(kind) {
		return fmt.Errorf("%w: kind %.80q", ErrConfig, kind)
	}
	if len(name) > wire.MaxName || !printable(name) {
		return fmt.Errorf("%w: name %.80q", ErrConfig, name)
	}
	return nil
}

// printable reports whether s is UTF-8 that a terminal prints. Frames carry more: a name with a character that turns the direction
// of the text, for one, which would be a trap for whoever reads it.
func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// EntityID returns the daemon's identity: the key it was born with.
func (h *Host) EntityID() crypto.EntityID { return h.passport.Entity }

// Origin returns the routing handle of the entity.
func (h *Host) Origin() uint64 { return h.origin }

// Kind returns the kind that the genesis commits to.
func (h *Host) Kind() string { return h.passport.Genesis.Kind }

// Name returns the name given at birth, which may be empty.
func (h *Host) Name() string { return h.name }

// Head commits to the log as it is. It never waits for the daemon: during
// a slow Process it is the head before that event.
func (h *Host) Head() crypto.Head {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.head
}

// Epoch returns the epoch this host holds or last held: 1 at birth, one more
// once a restored host is activated. Its own HandOver does not change it.
func (h *Host) Epoch() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

// Passport returns a copy of the daemon's travel history. It includes this
// host's own HandOver, and on a dark host the handover that was replayed.
func (h *Host) Passport() crypto.Passport {
	h.mu.Lock()
	p := h.passport
	h.mu.Unlock()
	return p.Clone()
}

// StopAndCopy reports whether the daemon declared itself not deterministic.
// A retired host reports false.
func (h *Host) StopAndCopy() bool {
	h.turn.Lock()
	defer h.turn.Unlock()
	_, marked := h.d.(StopAndCopy)
	return marked
}

// advance makes next the head. The caller holds the turn.
func (h *Host) advance(next *crypto.Head) {
	h.mu.Lock()
	h.head = *next
	h.mu.Unlock()
}
