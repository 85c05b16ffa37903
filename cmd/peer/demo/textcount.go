package demo

// textCount counts a text by the rules of wc in the C locale. It is written apart from the wordcount kind
// on purpose, byte by byte and without the words themselves: it is what that kind's answer is held against.
type textCount struct {
	lines, words, bytes uint64
	inWord              bool // a printable byte has been seen since the last space
}

// add counts the next piece of the text; pieces may begin and end anywhere.
func (c *textCount) add(piece []byte) {
	c.bytes += uint64(len(piece))
	for _, b := range piece {
		switch {
		case b == '\n':
			c.lines++
			c.inWord = false
		case b == ' ' || b == '\t' || b == '\v' || b == '\f' || b == '\r':
			c.inWord = false
		case !c.inWord && b > ' ' && b < 0x7f:
			c.words++
			c.inWord = true
		}
	}
}
