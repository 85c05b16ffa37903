package attack

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// entityKey returns the public half of a new key of a daemon.
func entityKey(t testing.TB) crypto.PublicKey {
	t.Helper()
	key, err := crypto.GenerateEntityKeypair()
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}
