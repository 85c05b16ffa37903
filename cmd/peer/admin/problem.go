package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// problemOf turns any error into a problem. Those of the protocol keep their reason as the kind.
func problemOf(err error) *client.Problem {
	var p *client.Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return client.Problemf(client.CodeRefused, "too_large", "the request has more than %d bytes", tooLarge.Limit)
	case errors.Is(err, peer.ErrClosed):
		return client.Problemf(client.CodeUnreachable, "closing", "the node is closing").Then("the same command once it has been started again")
	case errors.Is(err, context.DeadlineExceeded):
		return client.Problemf(client.CodeDeadline, "deadline", "the time allowed has passed")
	case errors.Is(err, context.Canceled):
		return client.Problemf(client.CodeInterrupted, "interrupted", "the client has gone")
	}
	reason := wire.ReasonOf(err)
	return client.Problemf(codeOf(reason), kindOf(reason), "%s", detailOf(err))
}

// detailOf is the text of an error without the reason in front of what a node said of it.
func detailOf(err error) string {
	var remote *wire.RemoteError
	if errors.As(err, &remote) && remote.Detail != "" {
		return client.Plain(remote.Detail)
	}
	return client.Plain(err.Error())
}

// kindOf is a reason as one word.
func kindOf(r wire.Reason) string { return strings.ReplaceAll(r.String(), " ", "_") }

// codeOf is the exit code that a reason deserves where nothing was moved because of it.
func codeOf(r wire.Reason) int {
	switch r {
	case wire.ReasonDaemonNotFound, wire.ReasonMoved:
		return client.CodeUnknown
	case wire.ReasonUnreachable, wire.ReasonNotReady, wire.ReasonFrozen:
		return client.CodeUnreachable
	case wire.ReasonTimeout, wire.ReasonNotReadyTimeout:
		return client.CodeDeadline
	case wire.ReasonRefused, wire.ReasonWrongPeer, wire.ReasonWrongKey, wire.ReasonFactoryNotFound, wire.ReasonVersion,
		wire.ReasonLimit, wire.ReasonBufferFull, wire.ReasonTooLarge, wire.ReasonPassportFull, wire.ReasonStateless,
		wire.ReasonAlreadyMigrating, wire.ReasonProducerWindow, wire.ReasonProducerEvicted:
		return client.CodeRefused
	}
	return client.CodeError
}

// statuses gives each exit code its HTTP status; the others are 500.
var statuses = map[int]int{
	client.CodeUsage:       http.StatusBadRequest,
	client.CodeUnknown:     http.StatusNotFound,
	client.CodeRefused:     http.StatusForbidden,
	client.CodeUnreachable: http.StatusServiceUnavailable,
	client.CodeDeadline:    http.StatusGatewayTimeout,
	client.CodeStayed:      http.StatusConflict,
	client.CodeInDoubt:     http.StatusConflict,
}

// writeProblem chooses the HTTP status. Programs that know the kind need not look at it.
func writeProblem(w http.ResponseWriter, p *client.Problem) {
	status, ok := statuses[p.Code]
	switch {
	case p.Kind == "too_large":
		status = http.StatusRequestEntityTooLarge
	case p.Kind == "committed" || p.Kind == "draining" || p.Kind == "draining_otherwise":
		status = http.StatusConflict
	case !ok:
		status = http.StatusInternalServerError
	}
	writeStatus(w, status, p)
}

// writeStatus ends a request with a problem.
func writeStatus(w http.ResponseWriter, status int, p *client.Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // a client that has gone cannot be told so
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
	return nil
}

// readJSON reads the body of a request, strictly: a member that is misspelled is an error, not ignored.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil && !d.More():
		return nil
	case errors.As(err, &tooLarge):
		return tooLarge
	case err == nil:
		err = errors.New("more than one value")
	}
	return client.Problemf(client.CodeUsage, "bad_request", "the body of the request is not what this path takes: %v", err)
}
