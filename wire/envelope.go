package wire

import "github.com/ferrymesh/ferry/crypto"

// Envelope is a message with its addressee: how the roles of a migration, which
// have no sockets, say what is to be sent. It never travels as such.
type Envelope struct {
	To      crypto.NodeID
	Message Message
}
