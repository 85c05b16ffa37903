package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Promised says, where a directory decides, that the source will not end the
// attempt alone any more (protocol.md §3.3.20). The target takes the certificate
// to the directory.
type Promised struct {
	Ref
	Cert crypto.FreezeCert
}

// Type returns TypePromised.
func (*Promised) Type() Type { return TypePromised }

// Attempt returns the attempt to be decided.
func (m *Promised) Attempt() Attempt { return Attempt(m.Cert.Attempt) }

func (m *Promised) append(dst []byte) []byte {
	return crypto.AppendFreezeCert(m.Ref.append(dst), m.Cert)
}

func (m *Promised) parse(c *codec.Cursor) {
	m.Ref.parse(c)        // 32 ref
	m.Cert = parseCert(c) // 321 certificate
}
