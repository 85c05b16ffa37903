package wire

import "github.com/ferrymesh/ferry/codec"

// ReceiptItem acknowledges one submission: it stays in the log, whoever is the
// holder (promise P1).
type ReceiptItem struct {
	Seq       uint64   // the producer's number
	Sequence  uint64   // its place in the log
	Duplicate bool     // it was applied earlier
	Outputs   [][]byte // at most MaxOutputs bytes in MaxOutputCount parts; they alias the frame
}

// ReceiptLen returns the bytes that a receipt takes in a frame.
func ReceiptLen(r *ReceiptItem) int {
	n := 8 + 8 + 1 + codec.UvarintLen(uint64(len(r.Outputs)))
	for _, out := range r.Outputs {
		n += bytesLen(len(out))
	}
	return n
}

// ReceiptRoom is how many bytes of receipts, as ReceiptLen counts them, one
// Receipts or Forwarded frame can carry, whatever else is in it.
const ReceiptRoom = MaxBatchBytes - RefSize - 32 - 8 - 8 - 2 - MaxLabel - 2

// Receipts answers Submit (protocol.md §3.4.4). A frame without items is a valid
// answer to a Submit without items.
type Receipts struct {
	Origin uint64
	Label  string
	Epoch  uint64        // the epoch in force; a lower one than seen before is refused by clients
	Items  []ReceiptItem // at most MaxBatch
}

// Type returns TypeReceipts.
func (*Receipts) Type() Type { return TypeReceipts }

func (m *Receipts) append(dst []byte) []byte {
	dst = codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
	dst = codec.AppendUint64(dst, m.Epoch)
	return appendReceipts(dst, m.Items)
}

func (m *Receipts) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()            // 8 origin
	m.Label = parseText(c, MaxLabel) // label
	m.Epoch = c.Uint64()             // 8 epoch
	m.Items = parseReceipts(c)       // list of receipts
}

func appendReceipts(dst []byte, items []ReceiptItem) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		r := &items[i]
		dst = codec.AppendUint64(dst, r.Seq)
		dst = codec.AppendUint64(dst, r.Sequence)
		dst = codec.AppendBool(dst, r.Duplicate)
		dst = codec.AppendUvarint(dst, uint64(len(r.Outputs)))
		for _, out := range r.Outputs {
			dst = codec.AppendBytes(dst, out)
		}
	}
	return dst
}

func parseReceipts(c *codec.Cursor) []ReceiptItem {
	n := c.Count(MaxBatch, minReceipt) // uvarint count
	if n == 0 {
		return nil
	}
	items := make([]ReceiptItem, n)
	for i := range items {
		r := &items[i]
		r.Seq = c.Uint64()          // 8 producer sequence
		r.Sequence = c.Uint64()     // 8 log sequence
		r.Duplicate = c.Bool()      // 1 duplicate
		r.Outputs = parseOutputs(c) // list of outputs
	}
	return items
}

// parseOutputs reads the outputs of one event, which are bounded one by one and
// added up.
func parseOutputs(c *codec.Cursor) [][]byte {
	n := c.Count(MaxOutputCount, 1) // uvarint count
	if n == 0 {
		return nil
	}
	outputs, room := make([][]byte, n), MaxOutputs
	for i := range outputs {
		outputs[i] = c.Bytes(room) // output
		room -= len(outputs[i])
	}
	return outputs
}
