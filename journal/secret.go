package journal

import "fmt"

// hidden stands for a seed wherever a record or a copy is printed.
const hidden = "(secret)"

// The types without their methods, so that printing them does not begin anew.
type (
	bornFields      Born
	preparingFields Preparing
	copyFields      Copy
)

// Format prints the record without its seed, whatever the verb.
func (r Born) Format(f fmt.State, _ rune) {
	r.Seed = [32]byte{}
	fmt.Fprintf(f, "{%+v Seed:%s}", bornFields(r), hidden)
}

// Format prints the record without its seed, whatever the verb.
func (r Preparing) Format(f fmt.State, _ rune) {
	r.Seed = [32]byte{}
	fmt.Fprintf(f, "{%+v Seed:%s}", preparingFields(r), hidden)
}

// Format prints the copy without its seed, whatever the verb.
func (c Copy) Format(f fmt.State, _ rune) {
	c.Seed = [32]byte{}
	fmt.Fprintf(f, "{%+v Seed:%s}", copyFields(c), hidden)
}
