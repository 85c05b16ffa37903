package kinds

import "strings"

// defaultTop is how many frequent words are listed if the query does not say.
const defaultTop = 10

// wordCounts answers "count".
type wordCounts struct {
	Lines uint64          `json:"lines"`
	Words uint64          `json:"words"`
	Bytes uint64          `json:"bytes"`
	Top   []WordFrequency `json:"top"`
}

// wordTop answers "top".
type wordTop struct {
	Ended uint64          `json:"words_ended"` // words the frequencies are out of
	Bound uint64          `json:"bound"`       // the most that any excess can be
	Top   []WordFrequency `json:"top"`
}

// Inspect answers a query with one JSON object:
//
//	count         (also the empty query) lines, words, bytes, and the ten most frequent words
//	top N         the N most frequent words, ten by default, 1,024 at most
//	check         {"ok":true} if the counters fit together
//	audit         the producers on record; audit ID: the Report of one
//
// Anything else is an error matching ErrQuery.
func (w *WordCount) Inspect(query []byte) ([]byte, error) {
	name, arg, more := strings.Cut(string(query), " ")
	var own any
	switch {
	case (name == "count" || name == "") && !more:
		own = wordCounts{Lines: w.lines, Words: w.words, Bytes: w.bytes, Top: w.top.most(defaultTop)}
	case name == "top":
		n, ok := parseUint([]byte(arg))
		if !more {
			n, ok = defaultTop, true
		}
		if ok {
			own = wordTop{Ended: w.top.added, Bound: w.top.added / TopCapacity, Top: w.top.most(int(min(n, TopCapacity)))}
		}
	}
	return answer(own, w, &w.audit, `"count", "top N", "check" or "audit PRODUCER"`, name, arg)
}
