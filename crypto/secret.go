package crypto

import (
	"crypto/ed25519"
	"slices"
	"sync"
	"sync/atomic"
)

// secret is the private half of a key pair. Key pairs hold it by pointer, so
// that copies of a pair are wiped together. A nil *secret is one that cannot
// sign.
//
// The bytes are reached through a closure only: fmt follows pointers in more
// cases than its documentation suggests (a %s on a struct around a key pair is
// one), and other printers follow them always. None can look into a function.
type secret struct {
	mu sync.RWMutex
	// key returns seed ‖ public half, both made here; nil once wiped.
	key    func() ed25519.PrivateKey
	signed atomic.Bool // at least once
}

// newSecret expands a seed. Only seeds come in: a 64-byte private key whose
// public half does not belong to it gives itself away with one signature.
// An all-zero seed is a variable somebody forgot to fill: ErrWeakKey.
func newSecret(seed [32]byte) (*secret, [32]byte, error) {
	if seed == ([32]byte{}) {
		return nil, [32]byte{}, ErrWeakKey
	}
	key := (*[ed25519.PrivateKeySize]byte)(ed25519.NewKeyFromSeed(seed[:])) // the closure keeps one word of it
	s := &secret{key: func() ed25519.PrivateKey { return key[:] }}
	return s, [32]byte(key[32:]), nil
}

// canSign reports whether the secret is there.
func (s *secret) canSign() bool {
	if s == nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.key != nil
}

// sign signs message as it is; the callers have put the domain tag in front.
//
// The library remembers the expanded form of a key that has signed, some 300 bytes, for as long as the key
// itself is in memory. Most daemons sign once, at birth, so the first signature is made with a copy that is
// forgotten at once. It costs no more, since a key has to be expanded before its first signature anyway; a
// key that signs again is expanded once more and then remembered.
func (s *secret) sign(message []byte) (sig Signature, err error) {
	if s == nil {
		return sig, ErrCannotSign
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.key == nil {
		return sig, ErrCannotSign
	}
	key := s.key()
	if !s.signed.Swap(true) {
		key = slices.Clone(key)
		defer clear(key)
	}
	copy(sig[:], ed25519.Sign(key, message))
	return sig, nil
}

// seed returns a copy of the seed, for key files only. The caller clears it.
func (s *secret) seed() (seed [32]byte, err error) {
	if s == nil {
		return seed, ErrCannotSign
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.key == nil {
		return seed, ErrCannotSign
	}
	copy(seed[:], s.key())
	return seed, nil
}

// wipe zeroes the secret in place, after signatures in progress have finished.
func (s *secret) wipe() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		clear(s.key())
		s.key = nil
	}
}
