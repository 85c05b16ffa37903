package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// migrationOf describes a migration for people.
func migrationOf(b *book, m node.Migration) client.Migration {
	out := client.Migration{
		ID: m.ID.String(), Origin: originText(m.Origin), Name: cmp.Or(m.Name, b.names[m.Origin]), Kind: m.Kind,
		Source: b.node(m.Source), Target: b.node(m.Target), Orchestrator: b.node(m.Orchestrator),
		Phase: m.Phase.String(), State: m.State, Started: m.Started.UTC(), Detail: client.Plain(m.Detail),
		Outcome: outcomes[m.Outcome],
		Stats: client.Stats{
			SnapshotBytes: m.Stats.SnapshotBytes, SnapshotSent: m.Stats.SnapshotSent, EventsDuring: m.Stats.EventsDuring,
			Lag: m.Stats.Lag, Blackout: m.Stats.Blackout, Transfer: m.Stats.Transfer,
			PredictedBlackout: m.Stats.PredictedBlackout, Epoch: m.Stats.Epoch,
		},
	}
	for _, r := range m.Roles {
		out.Roles = append(out.Roles, r.String())
	}
	if m.Reason != wire.ReasonNone {
		out.Reason = m.Reason.String()
	}
	if out.Outcome != "" && out.Outcome != client.OutcomeMoved {
		out.Problem = moveProblem(b, m, &out)
	}
	return out
}

// outcomes are words that programs compare, so they are fixed here and not those that the log prints.
var outcomes = map[wire.Outcome]string{
	wire.OutcomeMoved: client.OutcomeMoved, wire.OutcomeStayed: client.OutcomeStayed,
	wire.OutcomeInDoubt: client.OutcomeInDoubt, wire.OutcomeLost: client.OutcomeLost,
}

// list returns all migrations, oldest first.
func (s *Server) list(ctx context.Context) ([]node.Migration, error) {
	list, err := s.cfg.Peer.Migrations(ctx)
	slices.SortStableFunc(list, func(x, y node.Migration) int { return x.Started.Compare(y.Started) })
	return list, err
}

// migrations answers with all that the node remembers, which the core bounds.
func (s *Server) migrations(w http.ResponseWriter, r *http.Request) error {
	list, err := s.list(r.Context())
	if err != nil {
		return err
	}
	b, err := s.book(r.Context())
	if err == nil {
		err = s.addDaemons(r.Context(), b)
	}
	if err != nil {
		return err
	}
	out := make([]client.Migration, 0, len(list))
	for _, m := range list {
		out = append(out, migrationOf(b, m))
	}
	return writeJSON(w, http.StatusOK, out)
}

// findMigration returns the migration that an argument means. One that is named in full is not looked for among all.
func (s *Server) findMigration(ctx context.Context, arg string) (node.Migration, error) {
	if id, err := wire.ParseMigrationID(arg); err == nil {
		m, err := s.cfg.Peer.Migration(ctx, id)
		if errors.Is(err, wire.ErrDaemonNotFound) {
			return choose[node.Migration]("migration", arg, nil)
		}
		return m, err
	}
	list, err := s.list(ctx)
	if err != nil {
		return node.Migration{}, err
	}
	choices := make([]choice[node.Migration], 0, len(list))
	for _, m := range list {
		choices = append(choices, choice[node.Migration]{value: m, ids: []string{m.ID.String()}})
	}
	return choose("migration", arg, choices)
}

// migration answers with one status. To wait for the next, there is watch.
func (s *Server) migration(w http.ResponseWriter, r *http.Request) error {
	m, err := s.findMigration(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.answerMigration(w, r, http.StatusOK, m)
}

// answerMigration writes a status with the names that the nodes have now.
func (s *Server) answerMigration(w http.ResponseWriter, r *http.Request, status int, m node.Migration) error {
	b, err := s.bookFor(r.Context(), m)
	if err != nil {
		return err
	}
	return writeJSON(w, status, migrationOf(b, m))
}

// migrate starts a move and answers before it has begun. What can be known to fail is refused here, without a
// migration that would have to be looked up to learn why.
func (s *Server) migrate(w http.ResponseWriter, r *http.Request) error {
	var in client.MigrateRequest
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if id, err := wire.ParseMigrationID(in.ID); err == nil {
		if m, err := s.cfg.Peer.Migration(r.Context(), id); err == nil {
			return s.answerMigration(w, r, http.StatusOK, m) // a repeat of a request whose answer was lost
		}
	}
	req, err := s.plan(r.Context(), in)
	if err != nil {
		return err
	}
	handle, err := s.cfg.Peer.Migrate(r.Context(), req)
	if err != nil {
		return err
	}
	s.moves.keep(handle)
	m, err := s.findMigration(r.Context(), handle.ID().String())
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/migrations/"+m.ID.String())
	return s.answerMigration(w, r, http.StatusAccepted, m)
}

// plan reads a request, and refuses what can be known to fail.
func (s *Server) plan(ctx context.Context, in client.MigrateRequest) (req peer.MigrateRequest, err error) {
	b, err := s.book(ctx)
	if err != nil {
		return req, err
	}
	if in.MaxBlackout < 0 || in.Stall < 0 || in.Timeout < 0 {
		return req, client.Problemf(client.CodeUsage, "bad_request", "--max-blackout, --stall and --timeout cannot be negative").
			Now("nothing was changed").Then("peer migrate --help")
	}
	req.Options = wire.Options{MaxBlackout: in.MaxBlackout, Stall: in.Stall, Timeout: in.Timeout, MaxRate: in.MaxRate}
	if req.ID, err = migrationID(in.ID); err != nil {
		return req, err
	}
	if req.Target, err = b.findInFull(in.Target); err != nil {
		return req, err
	}
	req.Source = b.self
	if in.From != "" {
		if req.Source, err = b.findInFull(in.From); err != nil {
			return req, err
		}
	}
	req.Addrs = addrsOf(b, req.Target, s.cfg.Peer)
	if req.Source != b.self {
		var name string
		req.Origin, name, err = s.originInFull(ctx, in.Daemon)
		err = elsewhere(err, in.Daemon, in.From)
		if err == nil && req.Source == req.Target {
			err = alreadyThere(b, name, req.Target)
		}
		return req, err
	}
	req.Origin, err = s.planHere(ctx, b, in, req)
	return req, err
}

// planHere checks a move of a daemon of this node.
func (s *Server) planHere(ctx context.Context, b *book, in client.MigrateRequest, req peer.MigrateRequest) (uint64, error) {
	v, err := s.findInFull(ctx, in.Daemon)
	switch {
	case err != nil:
		return 0, err
	case v.Left && v.Holder == req.Target:
		return 0, alreadyThere(b, label(v), req.Target)
	case v.Left:
		at := b.node(v.Holder).Label()
		return 0, client.Problemf(client.CodeUnknown, "moved", "%s left this node for %s", label(v), at).
			Now("serving at %s since epoch %d, as far as this node knows", at, v.Epoch).
			Then("peer migrate %s %s --from %s", client.Quote(in.Daemon), client.Quote(in.Target), client.Quote(at))
	case v.Dormant:
		return 0, s.dormantProblem(v)
	case req.Target == b.self:
		return 0, alreadyThere(b, label(v), req.Target)
	case v.Moving && v.Migration != req.ID:
		p := client.Problemf(client.CodeRefused, "already_migrating", "%s is moving already (migration %s)", label(v), v.Migration.Short())
		return 0, s.standing(p, v, "serving, on its way", "peer migration watch "+v.Migration.Short())
	}
	return v.Origin, nil
}

// alreadyThere is an error and not a success: whoever typed it expected a move and a passport with one more
// entry.
func alreadyThere(b *book, name string, at crypto.NodeID) error {
	return client.Problemf(client.CodeRefused, "same_node", "%s is at %s already", name, b.node(at).Label()).
		Now("serving at %s; nothing was changed", b.node(at).Label()).Then("peer node ls")
}

// migrationID reads the id of a request, or draws none: the node draws one itself.
func migrationID(text string) (id wire.MigrationID, err error) {
	if text == "" {
		return newMigrationID()
	}
	if id, err = wire.ParseMigrationID(text); err != nil {
		err = client.Problemf(client.CodeUsage, "bad_request", "the id of a migration has 32 hex digits: %v", err)
	}
	return id, err
}

// addrsOf is where the target can be dialed, as far as this node knows: the source may not.
func addrsOf(b *book, id crypto.NodeID, p *peer.Peer) []string {
	if id == b.self {
		return p.Addrs()
	}
	for _, known := range b.peers {
		if known.ID == id {
			return known.Addrs[:min(len(known.Addrs), wire.MaxAddrs)]
		}
	}
	return nil
}

// cancel passes the wish on; a daemon that has stayed where it was is what was wished for. Between the look at the state
// and the wish the migration may commit; then the source does not obey, and the outcome says so.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request) error {
	m, err := s.findMigration(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	switch {
	case m.Outcome == wire.OutcomeStayed:
		return s.answerMigration(w, r, http.StatusOK, m)
	case m.Outcome != 0 && m.Outcome != wire.OutcomeInDoubt:
		return client.Problemf(client.CodeRefused, "ended", "migration %s has ended: %s", m.ID.Short(), m.Outcome).
			Now("%s", s.whereNow(r.Context(), m)).Then("peer migration show %s", m.ID.Short())
	case committed(m):
		return client.Problemf(client.CodeRefused, "committed", "migration %s is committed: it can only go forward", m.ID.Short()).
			Now("on its way to the target, which alone will serve").Then("peer migration watch %s", m.ID.Short())
	case !slices.Contains(m.Roles, subproto.Orchestrator) && !slices.Contains(m.Roles, subproto.Source):
		return s.notAskedHere(r.Context(), m)
	}
	s.cfg.Peer.CancelMigration(m.ID)
	if m, err = s.findMigration(r.Context(), m.ID.String()); err != nil {
		return err
	}
	return s.answerMigration(w, r, http.StatusAccepted, m)
}

// notAskedHere: a target cannot stop what comes to it. Those who can are the source, and whoever has asked it.
func (s *Server) notAskedHere(ctx context.Context, m node.Migration) error {
	b, err := s.bookFor(ctx, m)
	if err != nil {
		return err
	}
	from := b.node(m.Source).Label()
	return client.Problemf(client.CodeRefused, "not_asked_here", "migration %s comes to this node, which cannot stop it: %s can", m.ID.Short(), from).
		Now("nothing was changed; the move goes on").Then("peer migration cancel %s, at %s", m.ID.Short(), from)
}

// whereNow is where a migration that has ended has left the daemon.
func (s *Server) whereNow(ctx context.Context, m node.Migration) string {
	b, err := s.book(ctx)
	if err == nil && m.Outcome == wire.OutcomeMoved {
		return cmp.Or(m.Name, originText(m.Origin)) + " was moved to " + b.node(m.Target).Label()
	}
	return m.Outcome.String()
}

// elsewhere completes the problem of a name that only another node knows.
func elsewhere(err error, daemon, at string) error {
	var p *client.Problem
	if errors.As(err, &p) && p.Kind == "unknown_daemon" {
		p.Now("nothing was changed; the names of daemons are known where they are, their origins everywhere")
		p.Then("peer daemon show %s, at %s, and the same command with the origin that it prints", client.Quote(daemon), at)
	}
	return err
}

// committed reports whether the handover is known to be in the log. That a migration is in doubt does not say so: the
// source may have fallen silent before, and the wish to cancel is repeated until it answers.
func committed(m node.Migration) bool {
	switch m.State {
	case "committing", "committed", "forwarding":
		return true
	}
	return false
}

// migrationPassport is the passport of the daemon as it is now, which may have moved on since.
func (s *Server) migrationPassport(w http.ResponseWriter, r *http.Request) error {
	m, err := s.findMigration(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	name := m.Name
	if name == "" {
		name = originText(m.Origin)
	}
	return s.passport(w, m.Origin, name)
}
