package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ferrymesh/ferry/codec"
)

// The encoding of a passport begins with a magic and a version; see the package
// comment for the whole of it.
const (
	passportMagic   = "ferrypas"
	passportVersion = 1

	// passportFixed is the part before the kind's bytes: magic, version, entity,
	// administrator, and the length of the kind, which always fits one byte.
	passportFixed = len(passportMagic) + 1 + 32 + 32 + 1
	// passportItems is how many handovers are read or written at a time.
	passportItems = 16
)

// AppendPassport appends the encoding of p. The entity is written once, as the
// genesis': only a passport that would fail Verify loses anything by that.
func AppendPassport(dst []byte, p Passport) []byte {
	dst = p.appendStart(dst)
	for i := range p.Handovers {
		dst = AppendHandover(dst, p.Handovers[i])
	}
	return dst
}

// appendStart appends all that comes before the first handover.
func (p *Passport) appendStart(dst []byte) []byte {
	dst = append(dst, passportMagic...)
	dst = append(dst, passportVersion)
	dst = AppendGenesis(dst, p.Genesis)
	return codec.AppendUint32(dst, uint32(len(p.Handovers)))
}

// EncodedLen returns the number of bytes AppendPassport writes for p.
func (p Passport) EncodedLen() int {
	n := passportFixed + len(p.Genesis.Kind) + 64 + 4
	for i := range p.Handovers {
		n += sizeOfForm(p.Handovers[i].form())
	}
	return n
}

// WriteTo streams the encoding of p in pieces of a few KiB.
func (p Passport) WriteTo(w io.Writer) (n int64, err error) {
	buf := p.appendStart(make([]byte, 0, passportItems*MaxHandoverSize))
	for i := range p.Handovers {
		if len(buf)+MaxHandoverSize > cap(buf) {
			written, err := w.Write(buf)
			n += int64(written)
			if err != nil {
				return n, err
			}
			buf = buf[:0]
		}
		buf = AppendHandover(buf, p.Handovers[i])
	}
	written, err := w.Write(buf)
	return n + int64(written), err
}

// ParsePassport reads a passport that is the whole of b; trailing bytes are
// codec.ErrTrailing. It does not verify. Errors match ErrBadPassport.
func ParsePassport(b []byte) (Passport, error) {
	r := bytes.NewReader(b)
	p, err := ReadPassport(r)
	if err != nil {
		return Passport{}, err
	}
	if r.Len() > 0 {
		return Passport{}, wrapAs(ErrBadPassport, codec.ErrTrailing)
	}
	return p, nil
}

// ReadPassport reads a passport from a stream, and not a byte more, so that
// other data may follow. Memory grows with the bytes that arrive, never with
// the count the stream announces. It does not verify. Malformed input matches
// ErrBadPassport, an input that ends early codec.ErrTruncated as well; errors
// of r itself are returned as they are.
func ReadPassport(r io.Reader) (Passport, error) {
	pr := passportReader{r: r}
	p, count := pr.start()
	for pr.err == nil && len(p.Handovers) < count {
		p.Handovers = pr.items(p.Handovers, min(count-len(p.Handovers), passportItems))
	}
	if pr.err != nil {
		return Passport{}, pr.err
	}
	return p, nil
}

// passportReader pulls exact numbers of bytes off a stream; its error is sticky.
type passportReader struct {
	r   io.Reader
	buf [passportItems * MaxHandoverSize]byte
	err error
}

// more reads until the first n bytes of buf are filled, of which have are there
// already, and returns them.
func (pr *passportReader) more(have, n int) []byte {
	if pr.err == nil {
		_, err := io.ReadFull(pr.r, pr.buf[have:n])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = wrapAs(ErrBadPassport, codec.ErrTruncated)
		}
		pr.err = err
	}
	return pr.buf[:n]
}

// next returns a cursor over the next n bytes, valid until the next call. On
// failure the cursor has failed too.
func (pr *passportReader) next(n int) codec.Cursor {
	c := codec.NewCursor(pr.more(0, n))
	c.Fail(pr.err)
	return c
}

// done takes over a cursor's error, if any.
func (pr *passportReader) done(c *codec.Cursor) {
	if err := c.Finish(); err != nil && pr.err == nil {
		pr.err = wrapAs(ErrBadPassport, err)
	}
}

// start reads up to the first handover and returns how many follow.
func (pr *passportReader) start() (p Passport, count int) {
	c := pr.next(passportFixed)
	if magic := c.Take(len(passportMagic)); string(magic) != passportMagic {
		c.Fail(errors.New("not a passport"))
	}
	if version := c.Uint8(); version != passportVersion {
		c.Fail(fmt.Errorf("unknown version %d", version))
	}
	g := &p.Genesis
	c.Fixed(g.Entity[:])
	c.Fixed(g.Administrator[:])
	kind := c.Uint8()
	if kind > MaxKind {
		c.Fail(codec.ErrLimit)
	}
	pr.done(&c)

	c = pr.next(int(kind) + len(g.Signature) + 4)
	g.Kind = string(c.Take(int(kind)))
	c.Fixed(g.Signature[:])
	n := c.Uint32()
	if n > MaxHandovers {
		c.Fail(wrapAs(ErrPassportFull, codec.ErrLimit))
	}
	pr.done(&c)
	p.Entity = g.Entity
	return p, int(n)
}

// items reads n handovers, at most passportItems, and appends them to list.
//
// How long an item is shows in its first byte, and not a byte more than the n
// may be taken from the stream. So a round reads what is sure to come, the rest
// of the item that has begun and the least size of those after it, and decodes
// what is complete: one round for items of the least size, a few for others.
func (pr *passportReader) items(list []Handover, n int) []Handover {
	begun := 0 // bytes of the next item at the start of buf
	for n > 0 && pr.err == nil {
		sure := HandoverSize
		if begun > 0 {
			sure = sizeOfForm(pr.buf[0])
		}
		b := pr.more(begun, sure+(n-1)*HandoverSize)
		for pr.err == nil && len(b) > 0 && len(b) >= sizeOfForm(b[0]) {
			c := codec.NewCursor(b[:sizeOfForm(b[0])])
			list = append(list, decodeHandover(&c))
			pr.done(&c)
			b, n = b[sizeOfForm(b[0]):], n-1
		}
		begun = copy(pr.buf[:], b)
	}
	return list
}
