package golden

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Annotate cuts an encoding into the fields of its layout, one a line: the name, and the bytes in hexadecimal.
//
// A layout lists the fields in order as "name:size", where the size is a number of bytes, "v" for a count, or
// "s" for a length and as many bytes. A test writes it down a second time, apart from the code, so that a
// recorded encoding cannot change its meaning without a change of the test. It is an error if the encoding
// does not have exactly these fields.
func Annotate(b []byte, layout string) (string, error) {
	var out strings.Builder
	for field := range strings.FieldsSeq(layout) {
		name, size, _ := strings.Cut(field, ":")
		n, err := fieldLen(b, size)
		if err != nil {
			return out.String(), fmt.Errorf("%s: %w", field, err)
		}
		fmt.Fprintf(&out, "%-22s %s\n", name, hex.EncodeToString(b[:n]))
		b = b[n:]
	}
	if len(b) > 0 {
		return out.String(), fmt.Errorf("%d bytes behind the layout", len(b))
	}
	return out.String(), nil
}

// fieldLen returns how many bytes the first field of b has.
func fieldLen(b []byte, size string) (int, error) {
	value, used := binary.Uvarint(b)
	n := 0
	switch size {
	case "v":
		n = used
	case "s":
		n = used + int(value)
	default:
		n, _ = strconv.Atoi(size)
	}
	if n <= 0 || n > len(b) {
		return 0, fmt.Errorf("%d bytes, have %d", n, len(b))
	}
	return n, nil
}

// Bytes returns the encoding that Annotate has cut into fields.
func Bytes(annotated string) ([]byte, error) {
	var digits strings.Builder
	for line := range strings.Lines(annotated) {
		_, field, _ := strings.Cut(strings.TrimSpace(line), " ")
		digits.WriteString(strings.TrimSpace(field))
	}
	return hex.DecodeString(digits.String())
}
