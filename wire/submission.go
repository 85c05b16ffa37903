package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Open announces a producer to a daemon (protocol.md §3.4.1). The producer's id
// follows from the sender's own key and the label (crypto.DeriveProducer), so
// nobody can submit under the id of another.
type Open struct {
	Origin uint64
	Label  string // tells producers of one key apart; "" is the key itself
}

// Type returns TypeOpen.
func (*Open) Type() Type { return TypeOpen }

func (m *Open) append(dst []byte) []byte {
	return codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
}

func (m *Open) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()            // 8 origin
	m.Label = parseText(c, MaxLabel) // label
}

// Opened answers Open (protocol.md §3.4.2).
type Opened struct {
	Origin uint64
	Label  string
	Since  uint64           // the log position that later submissions carry
	Last   uint64           // the newest producer sequence known, 0 if none
	Epoch  uint64           // the epoch in force
	Key    crypto.PublicKey // the key of that epoch
}

// Type returns TypeOpened.
func (*Opened) Type() Type { return TypeOpened }

func (m *Opened) append(dst []byte) []byte {
	dst = codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
	dst = codec.AppendUint64(dst, m.Since)
	dst = codec.AppendUint64(dst, m.Last)
	dst = codec.AppendUint64(dst, m.Epoch)
	return append(dst, m.Key[:]...)
}

func (m *Opened) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()            //  8 origin
	m.Label = parseText(c, MaxLabel) // label
	m.Since = c.Uint64()             //  8 since
	m.Last = c.Uint64()              //  8 newest producer sequence
	m.Epoch = c.Uint64()             //  8 epoch
	m.Key = parseKey(c)              // 32 key of the epoch
}

// Submission is one event on its way to a log. Seq is the producer's own number
// for it: the same number is the same event, however often it is sent.
type Submission struct {
	Seq     uint64
	Payload []byte // at most MaxPayload; aliases the frame after decoding
}

// SubmissionLen returns the bytes that a submission takes in a frame.
func SubmissionLen(s *Submission) int { return 8 + bytesLen(len(s.Payload)) }

// SubmissionsLen returns the bytes that they all take in a frame.
func SubmissionsLen(items []Submission) (n int) {
	for i := range items {
		n += SubmissionLen(&items[i])
	}
	return n
}

// SubmitRoom is how many bytes of submissions, as SubmissionLen counts them, one
// Submit or Forward frame can carry, whatever else is in it. A Submit of more is
// refused: it could be read, and perhaps not be forwarded (protocol.md §3.4.3).
const SubmitRoom = MaxBatchBytes - RefSize - 32 - 8 - MaxLabel - 2

// Submit submits events (protocol.md §3.4.3). They are applied in the order of
// the frame.
type Submit struct {
	Origin uint64
	Label  string
	Since  uint64       // from Opened; 0 means since the daemon's birth
	Items  []Submission // at most MaxBatch
}

// Type returns TypeSubmit.
func (*Submit) Type() Type { return TypeSubmit }

func (m *Submit) append(dst []byte) []byte {
	dst = codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
	dst = codec.AppendUint64(dst, m.Since)
	return appendSubmissions(dst, m.Items)
}

func (m *Submit) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()            // 8 origin
	m.Label = parseText(c, MaxLabel) // label
	m.Since = c.Uint64()             // 8 since
	m.Items = parseSubmissions(c)    // list of submissions
}

func appendSubmissions(dst []byte, items []Submission) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		dst = codec.AppendUint64(dst, items[i].Seq)
		dst = codec.AppendBytes(dst, items[i].Payload)
	}
	return dst
}

func parseSubmissions(c *codec.Cursor) []Submission {
	n := c.Count(MaxBatch, minSubmission) // uvarint count
	if n == 0 {
		return nil
	}
	items := make([]Submission, n)
	for i := range items {
		items[i].Seq = c.Uint64()              // 8 producer sequence
		items[i].Payload = c.Bytes(MaxPayload) // payload
	}
	return items
}
