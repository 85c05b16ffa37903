package kinds

import (
	"encoding/hex"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
)

// maxKeys is how many keys one answer lists.
const maxKeys = 1000

// kvCount answers "count".
type kvCount struct {
	Keys  int   `json:"keys"`
	Bytes int64 `json:"bytes"` // as a snapshot writes them
}

// kvGet answers "get".
type kvGet struct {
	Key     string `json:"key"`
	Found   bool   `json:"found"`
	Version uint64 `json:"version"`
	Value   string `json:"value"` // bytes that are not UTF-8 appear as U+FFFD here, and as they are in Hex
	Hex     string `json:"hex,omitempty"`
}

// kvKeys answers "keys".
type kvKeys struct {
	Keys []string `json:"keys"`
	More bool     `json:"more"` // there are others beyond these
}

// kvDigest answers "digest".
type kvDigest struct {
	Digest crypto.Digest `json:"digest"`
}

// Inspect answers a query with one JSON object:
//
//	count         (also the empty query) how many keys and bytes
//	get KEY       the value and its version
//	keys PREFIX   the first 1,000 keys that begin with PREFIX, or of all
//	digest        the digest of the content: equal for equal contents
//	check         recounts everything: {"ok":true}
//	audit         the producers on record; audit ID: the Report of one
//
// Anything else is an error matching ErrQuery.
func (s *KV) Inspect(query []byte) ([]byte, error) {
	name, arg, _ := strings.Cut(string(query), " ")
	var own any
	switch {
	case (name == "count" || name == "") && arg == "":
		own = kvCount{Keys: s.tree.Len(), Bytes: s.size}
	case name == "get" && arg != "":
		own = s.inspectGet(arg)
	case name == "keys":
		own = s.inspectKeys(arg)
	case name == "digest" && arg == "":
		own = kvDigest{Digest: s.content.bytes()}
	}
	return answer(own, s, &s.audit, `"count", "get KEY", "keys PREFIX", "digest", "check" or "audit PRODUCER"`, name, arg)
}

func (s *KV) inspectGet(key string) kvGet {
	e, ok := s.tree.Get(key)
	got := kvGet{Key: key, Found: ok, Version: e.version, Value: strings.ToValidUTF8(e.value, "\uFFFD")}
	if got.Value != e.value {
		got.Hex = hex.EncodeToString([]byte(e.value))
	}
	return got
}

func (s *KV) inspectKeys(prefix string) (found kvKeys) {
	found.Keys = []string{}
	s.tree.Ascend(prefix, func(key string, _ entry) bool {
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if found.More = len(found.Keys) == maxKeys; !found.More {
			found.Keys = append(found.Keys, key)
		}
		return !found.More
	})
	return found
}
