package crypto

import (
	"cmp"
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// An Attempt identifies one try at a cutover (protocol.md §6.1). Attempts are
// totally ordered and never reused: the epoch grows with each holder, the boot
// counter is durable and grows with each start of the source, the count grows
// within one boot. A message of a lower attempt than the one in force is
// answered, not obeyed. The zero value is below every attempt and stands for
// none.
type Attempt struct {
	Epoch uint64 // the epoch the source holds, which the attempt would end
	Boot  uint64 // the source's durable boot counter
	Count uint64 // attempts since that boot, the first is 1
}

// attemptSize is the encoded size of an Attempt in bytes.
const attemptSize = 8 + 8 + 8

// Compare returns -1, 0 or +1 as a is below, equal to or above b.
func (a Attempt) Compare(b Attempt) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Boot, b.Boot), cmp.Compare(a.Count, b.Count))
}

// Less reports whether a is below b.
func (a Attempt) Less(b Attempt) bool { return a.Compare(b) < 0 }

// IsZero reports whether a stands for no attempt.
func (a Attempt) IsZero() bool { return a == Attempt{} }

// String returns the three numbers, joined by dots.
func (a Attempt) String() string {
	return fmt.Sprintf("%d.%d.%d", a.Epoch, a.Boot, a.Count)
}

// AppendAttempt appends epoch 8 | boot 8 | count 8.
func AppendAttempt(dst []byte, a Attempt) []byte {
	dst = codec.AppendUint64(dst, a.Epoch)
	dst = codec.AppendUint64(dst, a.Boot)
	return codec.AppendUint64(dst, a.Count)
}

// DecodeAttempt reads what AppendAttempt wrote.
func DecodeAttempt(c *codec.Cursor) Attempt {
	return Attempt{Epoch: c.Uint64(), Boot: c.Uint64(), Count: c.Uint64()}
}
