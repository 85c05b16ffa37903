package kinds

import (
	"bytes"

	"github.com/ferrymesh/ferry/daemon"
)

// WordCount is a daemon of the kind "wordcount": it is fed text and counts lines, words and
// bytes as wc does in the C locale, and keeps the most frequent words. Its invariant: however
// the text was cut into events, the counts are those of the whole; and the counters of the
// frequent words add up to the number of finished words.
//
// The daemon methods and Inspect are for one goroutine at a time, as the host calls them.
type WordCount struct {
	lines, bytes uint64
	words        uint64 // begun words: what wc would print if the text ended here
	open         openWord
	top          topWords
	audit        Audit
}

// NewWordCount returns a counter that has read nothing.
func NewWordCount() *WordCount { return new(WordCount) }

// MaxWord is how many bytes of a word the frequent words keep. Words that agree so far are
// taken for the same word there; the counts of lines, words and bytes are not affected.
const MaxWord = 64

// openWord is the word in which the text so far ends. Events cut words anywhere.
type openWord struct {
	text  [MaxWord]byte
	size  int  // bytes of text in use
	begun bool // a byte 0x21–0x7E was seen, so this is a word
}

// extend appends what fits.
func (o *openWord) extend(b []byte) { o.size += copy(o.text[o.size:], b) }

// The classes of bytes in the C locale. A byte of no class (control characters, 0x7F to 0xFF)
// neither begins a word nor ends one, but is part of the word it stands in.
const (
	classOther = iota
	classPrint // 0x21–0x7E: makes a word
	classSpace // 0x09–0x0D, 0x20: ends it
)

var classes = makeClasses()

func makeClasses() (table [256]uint8) {
	for b := range table {
		switch {
		case b == ' ' || b >= '\t' && b <= '\r':
			table[b] = classSpace
		case b > ' ' && b < 0x7f:
			table[b] = classPrint
		}
	}
	return table
}

// Process counts the payload, any bytes, as the continuation of the text. There are no
// outputs, no refusals and no malformed payloads.
func (w *WordCount) Process(ev daemon.Event) ([][]byte, error) {
	w.count(ev.Payload)
	w.audit.Record(ev)
	return nil, nil
}

func (w *WordCount) count(text []byte) {
	w.bytes += uint64(len(text))
	w.lines += uint64(bytes.Count(text, []byte{'\n'}))
	for len(text) > 0 {
		if classes[text[0]] == classSpace {
			w.endWord()
			text = text[skipSpace(text):]
			continue
		}
		n, makes := scanWord(text)
		text = w.addRun(text, n, makes)
	}
}

// addRun takes the first n bytes of text, which no space interrupts, as part of the open word.
// A word that lies in the text whole is counted from where it lies.
func (w *WordCount) addRun(text []byte, n int, makes bool) (rest []byte) {
	run, rest := text[:n], text[n:]
	if makes && !w.open.begun {
		w.words++
	}
	if len(rest) > 0 && w.open.size == 0 {
		if makes {
			w.top.add(run[:min(n, MaxWord)])
		}
		return rest
	}
	w.open.begun = w.open.begun || makes
	w.open.extend(run)
	return rest
}

// endWord closes the open word, if there is one.
func (w *WordCount) endWord() {
	if w.open.size == 0 {
		return
	}
	if w.open.begun {
		w.top.add(w.open.text[:w.open.size])
	}
	w.open = openWord{}
}

// skipSpace returns how many bytes text begins with that end words.
func skipSpace(text []byte) int {
	for i, b := range text {
		if classes[b] != classSpace {
			return i
		}
	}
	return len(text)
}

// scanWord returns how many bytes text begins with that do not end a word, and whether one of
// them makes it a word.
func scanWord(text []byte) (n int, makes bool) {
	seen := uint8(0)
	for i, b := range text {
		class := classes[b]
		if class == classSpace {
			return i, seen&classPrint != 0
		}
		seen |= class
	}
	return len(text), seen&classPrint != 0
}
