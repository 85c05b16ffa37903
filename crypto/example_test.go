package crypto_test

import (
	"fmt"
	"log"

	"github.com/ferrymesh/ferry/crypto"
)

// A daemon is born, applies one event, and is handed over to another node. The
// passport then proves to anyone who may speak for it.
func Example() {
	born, err := crypto.KeypairFromSeed([32]byte{1})
	if err != nil {
		log.Fatal(err)
	}
	genesis, err := crypto.SignGenesis(born, "counter", crypto.PublicKey{})
	if err != nil {
		log.Fatal(err)
	}
	passport, head := crypto.NewPassport(genesis), genesis.Head()

	link, _ := head.Next()
	event := crypto.CausalEvent{Link: link, Kind: crypto.EventInput, Payload: []byte("add 1")}
	if err := head.CheckLink(event.Link); err != nil {
		log.Fatal(err)
	}
	head = head.Append(event, [][]byte{[]byte("1")})

	// The next holder made a key of its own and sent its public half.
	next, err := crypto.KeypairFromSeed([32]byte{2})
	if err != nil {
		log.Fatal(err)
	}
	_, handover, err := crypto.SignHandover(born, crypto.Handover{
		From:     crypto.NodeID{10},
		To:       crypto.NodeID{20},
		Epoch:    passport.Epoch() + 1,
		Head:     head,
		Next:     next.Public(),
		Previous: passport.Previous(),
	})
	if err != nil {
		log.Fatal(err)
	}
	if passport, err = passport.Append(handover); err != nil {
		log.Fatal(err)
	}
	born.Wipe()

	fmt.Println("verifies:", passport.Verify() == nil)
	fmt.Println("epoch:", passport.Epoch())
	fmt.Println("signs now:", passport.Key() == next.Public())
	// Output:
	// verifies: true
	// epoch: 2
	// signs now: true
}
