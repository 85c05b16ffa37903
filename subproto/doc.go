// Package subproto decides where a frame goes and who may have sent it.
//
// A session carries several subprotocols ([wire.Subprotocol]), each with its own version, agreed at session
// start by [Negotiate]. A frame of the migration subprotocol belongs to one of the three roles of a
// migration; [Route] finds the roles on this node that it concerns and holds the table of permitted senders
// (protocol §5): a frame from anybody else is refused with a [*WrongPeerError], and changes nothing.
//
// The package keeps no state. The roles themselves, and which migrations exist, belong to package node.
package subproto
