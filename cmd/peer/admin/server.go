// Package admin is the operator's side of a node: an HTTP server on a unix socket that only the owner of
// the node can open. Package client is the other end and documents the conversation.
//
//	GET    /v1/status                      the node at one glance
//	GET    /v1/nodes                       the nodes it knows
//	POST   /v1/nodes                       learn where a node can be dialed
//	GET    /v1/nodes/pending               unknown callers that were turned away
//	POST   /v1/authorized                  give a key rights here
//	POST   /v1/reload                      read the file of authorized peers again, for those connected
//	GET    /v1/drain                       how far the node has been emptied
//	POST   /v1/drain                       202: begin to empty it; 409 if that is under way
//	DELETE /v1/drain                       let daemons in again
//	GET    /v1/drain/watch                 every change as a line of JSON, until no further move is begun
//	GET    /v1/daemons                     what serves here and what left
//	POST   /v1/daemons                     a new daemon
//	GET    /v1/daemons/{daemon}
//	DELETE /v1/daemons/{daemon}            ends it for good
//	POST   /v1/daemons/{daemon}/events     one event as JSON, or a stream as lines of JSON
//	POST   /v1/daemons/{daemon}/inspect    the body is the query, the answer is the daemon's own
//	GET    /v1/daemons/{daemon}/passport   binary
//	GET    /v1/migrations
//	POST   /v1/migrations                  202, and Location
//	GET    /v1/migrations/{id}
//	GET    /v1/migrations/{id}/watch       every change as a line of JSON, until the outcome is final
//	DELETE /v1/migrations/{id}             cancel; 409 after the commit
//	GET    /v1/migrations/{id}/passport    binary
//
// # Who may ask
//
// Whoever can open the socket may ask for everything: it is made with mode 0600, in a directory that the
// node makes with mode 0700. There are no passwords and no network listener.
//
// # Limits
//
// A request body has at most MaxBody bytes, and so has each line of a stream. A stream holds at most
// maxUnanswered events without a receipt; more of them wait.
package admin

import (
	"net/http"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// MaxBody bounds the body of a request and each line of a stream, in bytes: an event of the largest size in
// base64, and room for what is around it.
const MaxBody = 512 << 10

// Config describes what is served. Peer is required.
type Config struct {
	Peer *peer.Peer
	// Version is that of the program.
	Version string
	// Durability is that of daemons that are born at the node and ask for nothing else.
	Durability wire.Durability
	// Authorized is the path of the file of authorized peers; empty means that it cannot be edited here.
	Authorized string
	// Peers reads that file; nil means that nobody is authorized.
	Peers *peer.Authorized
	// Names are what the operator calls other nodes.
	Names map[crypto.NodeID]string
	// Gate is that of the node's peer.Config; nil for a node whose peers bring daemons also while it is being emptied.
	Gate *Gate
}

// Server answers the requests of one node's operator. It is safe for concurrent use.
type Server struct {
	cfg   Config
	names names
	moves moves
	gate  *Gate
	drain drains
	mux   *http.ServeMux
}

// New returns a server; Listen returns what it may serve on.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux(), gate: cfg.Gate}
	if s.gate == nil {
		s.gate = NewGate(nil, false)
	}
	s.names.learn(cfg.Names)
	s.routes()
	return s
}

// Close ends the drain, if one is set; the moves that it has begun go on.
func (s *Server) Close() {
	if d := s.drain.current(); d != nil {
		d.close()
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.noRoute(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// routes is the list in the package comment, in the same order.
func (s *Server) routes() {
	s.handle("GET /v1/status", s.status)
	s.handle("GET /v1/nodes", s.nodes)
	s.handle("POST /v1/nodes", s.learn)
	s.handle("GET /v1/nodes/pending", s.pending)
	s.handle("POST /v1/authorized", s.authorize)
	s.handle("POST /v1/reload", s.reload)
	s.handle("GET /v1/drain", s.showDrain)
	s.handle("POST /v1/drain", s.startDrain)
	s.handle("DELETE /v1/drain", s.endDrain)
	s.handle("GET /v1/drain/watch", s.watchDrain)
	s.handle("GET /v1/daemons", s.daemons)
	s.handle("POST /v1/daemons", s.spawn)
	s.handle("GET /v1/daemons/{daemon}", s.daemon)
	s.handle("DELETE /v1/daemons/{daemon}", s.stop)
	s.handle("POST /v1/daemons/{daemon}/events", s.events)
	s.handle("POST /v1/daemons/{daemon}/inspect", s.inspect)
	s.handle("GET /v1/daemons/{daemon}/passport", s.daemonPassport)
	s.handle("GET /v1/migrations", s.migrations)
	s.handle("POST /v1/migrations", s.migrate)
	s.handle("GET /v1/migrations/{id}", s.migration)
	s.handle("GET /v1/migrations/{id}/watch", s.watch)
	s.handle("DELETE /v1/migrations/{id}", s.cancel)
	s.handle("GET /v1/migrations/{id}/passport", s.migrationPassport)
}

// handler answers one request or returns why it cannot. After it has begun to answer it returns nil.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle turns what a handler returns into the body of the answer, in one place for all of them.
func (s *Server) handle(pattern string, h handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			writeProblem(w, problemOf(err))
		}
	})
}

// noRoute answers for a path or method that there is none of. The mux alone knows whether another method
// would have fitted, and says so in plain text only; so it is asked, and its words are replaced.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	probe := &headerOnly{header: make(http.Header)}
	s.mux.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", allow)
		writeStatus(w, http.StatusMethodNotAllowed, client.Problemf(client.CodeUsage, "no_such_method", "%s %s: this path takes %s", r.Method, r.URL.Path, allow))
		return
	}
	writeStatus(w, http.StatusNotFound, client.Problemf(client.CodeUsage, "no_such_path", "%s %s: there is no such path", r.Method, r.URL.Path).Then("peer version"))
}

// headerOnly is a response of which only status and header are of interest.
type headerOnly struct {
	header http.Header
	status int
}

// Header, WriteHeader and Write implement http.ResponseWriter.
func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }
