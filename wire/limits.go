package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// The limits of protocol.md §3.8. They are part of the protocol: a receiver
// refuses what exceeds them, so a sender must stay within them. All sizes are
// in bytes.
const (
	// MaxFrame bounds the body of any frame.
	MaxFrame = 1 << 20
	// MaxControl bounds the body of every frame that carries no bulk data, so
	// that a small message cannot reserve the room of a large one.
	MaxControl = 8 << 10
	// MaxBatchBytes bounds the body of a frame that carries a batch of events,
	// submissions or receipts.
	MaxBatchBytes = 512 << 10

	// MaxPayload bounds the payload of one event.
	MaxPayload = crypto.MaxPayload
	// MaxOutputs bounds the outputs of one event, added up.
	MaxOutputs = 256 << 10
	// MaxOutputCount bounds how many outputs one event may have. Without it a
	// frame full of empty outputs would cost its reader some 27 times its size.
	MaxOutputCount = 1024
	// MaxChunk bounds the data of one SnapshotReady frame.
	MaxChunk = 256 << 10
	// MaxBatch bounds the events, submissions or receipts of one frame.
	MaxBatch = 64

	// MaxKind bounds the name of a daemon's kind.
	MaxKind = crypto.MaxKind
	// MaxName bounds the name of a node or daemon, which is for people only.
	MaxName = 64
	// MaxLabel bounds the label of a producer.
	MaxLabel = 64
	// MaxDetail bounds the text that explains a refusal to a person.
	MaxDetail = 512
	// MaxAddrs bounds how many addresses one message lists.
	MaxAddrs = 8
	// MaxAddr bounds one address.
	MaxAddr = 256
	// MaxVersions bounds the subprotocols that one Hello announces.
	MaxVersions = 16
)

const (
	// headerLen is the length of a frame header.
	headerLen = 6
	// minSubmission is the length of the smallest submission: a number and an
	// empty payload.
	minSubmission = 8 + 1
	// minReceipt is the length of the smallest receipt: two numbers, a flag and
	// an empty list of outputs.
	minReceipt = 8 + 8 + 1 + 1
	// versionLen is the length of one version range.
	versionLen = 1 + 2 + 2
)

// bytesLen returns the encoded length of n bytes behind their length.
func bytesLen(n int) int {
	return codec.UvarintLen(uint64(n)) + n
}
