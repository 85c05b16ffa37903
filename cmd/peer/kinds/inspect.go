package kinds

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
)

// checker is what every kind has for the query "check".
type checker interface{ Check() error }

// checkAnswer answers "check".
type checkAnswer struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

// auditAnswer answers "audit".
type auditAnswer struct {
	Producers []crypto.ProducerID `json:"producers"`
	Overflow  uint64              `json:"overflow"` // events of producers that found no room
}

// answer writes what a kind's own queries gave, or asks the queries that all kinds share.
func answer(own any, d checker, a *Audit, forms, name, arg string) ([]byte, error) {
	switch {
	case own != nil:
	case name == "check" && arg == "":
		own = checked(d.Check())
	case name == "audit" && arg == "":
		own = auditAnswer{Producers: a.Producers(), Overflow: a.Overflow()}
	case name == "audit":
		p, err := parseProducer(arg)
		if err != nil {
			return nil, err
		}
		own, _ = a.Producer(p)
	default:
		return nil, fmt.Errorf("%w: %q: expected %s", ErrQuery, strings.TrimSpace(name+" "+arg), forms)
	}
	return json.Marshal(own)
}

func checked(err error) checkAnswer {
	if err != nil {
		return checkAnswer{Problem: err.Error()}
	}
	return checkAnswer{OK: true}
}

// parseProducer reads a producer id as 64 hex digits.
func parseProducer(text string) (p crypto.ProducerID, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(p) {
		return p, fmt.Errorf("%w: producer %q: expected %d hex digits", ErrQuery, text, 2*len(p))
	}
	copy(p[:], raw)
	return p, nil
}
