package admin

import (
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// moveProblem says why a daemon has not moved, where it is now, and what to do.
func moveProblem(b *book, m node.Migration, out *client.Migration) *client.Problem {
	name, from, to := out.Label(), out.Source.Label(), out.Target.Label()
	why := client.Plain(m.Detail)
	if why == "" {
		why = m.Reason.String()
	}
	p := &client.Problem{Code: moveCode(m), Kind: kindOf(m.Reason)}
	switch m.Outcome {
	case wire.OutcomeInDoubt:
		p.Kind = client.OutcomeInDoubt
		p.Detail = name + " may be committed to " + to + ", which has not confirmed it: " + why
		if m.Phase < wire.PhaseCutover {
			p.Detail = "it is not known whether " + name + " is alive: " + why
		}
		return p.Now("%s", b.doubt(m, from, to)).Then("peer migration watch %s", m.ID.Short())
	case wire.OutcomeLost:
		p.Kind = client.OutcomeLost
		p.Detail = name + " is lost: " + why
		return p.Now("gone: not at %s, and %s has been restarted without it", to, from).Then("peer daemon ls, at %s", from)
	}
	p.Detail = name + " was not moved to " + to + ": " + why
	return p.Now("%s", b.whereabouts(m, from)).Then("%s", b.remedy(m, out))
}

// doubt is what is known of a daemon in doubt. Only its source knows that it is frozen: seen from elsewhere, it may have
// gone on serving, since a source that has not committed thaws. And a third node may be cut off from both, while they go on.
func (b *book) doubt(m node.Migration, from, to string) string {
	sure := ""
	if m.Target != b.self {
		sure = " as far as this node knows"
	}
	switch {
	case m.Phase < wire.PhaseCutover:
		return "in doubt: not at " + to + sure + "; " + from + " is asked again and again, and has it, unless it was in memory only and its process has died"
	case m.Source == b.self && m.State == "promised":
		return "in doubt and frozen: nobody serves it until it is known what the directory has decided, which is asked again and again"
	case m.Source == b.self:
		return "in doubt and frozen: nobody serves it until the handover reaches " + to + ", and it is delivered again and again"
	}
	return "in doubt: " + to + " does not serve it" + sure + "; " + from + " does, or has committed it, and then nobody does until the handover reaches " + to
}

// whereabouts is what is known of a daemon that has not moved. Its own source always knows; a third node
// that could not even ask does not.
func (b *book) whereabouts(m node.Migration, from string) string {
	switch {
	case m.Source != b.self && m.Reason == wire.ReasonUnreachable && strings.HasPrefix(m.Detail, orchestrator.NothingAsked):
		return "as it was: " + from + " was not asked for anything"
	case m.Orchestrator != b.self && m.Source != b.self:
		return "not here; still at " + from + ", unless that has ended"
	case m.Reason == wire.ReasonDaemonNotFound && !begun(m):
		return "not at " + from + "; nothing was changed"
	}
	return "still at " + from + " and serving"
}

// moveCode is the exit code of a migration that has not moved. As long as nothing has been sent, the reason
// is that of a request that was turned down; later all that counts is where the daemon is.
func moveCode(m node.Migration) int {
	switch {
	case m.Outcome == wire.OutcomeInDoubt:
		return client.CodeInDoubt
	case m.Outcome == wire.OutcomeLost:
		return client.CodeError
	case m.Stats.SnapshotSent > 0 || m.Reason == wire.ReasonDaemonNotFound && begun(m):
		return client.CodeStayed
	case turnedAway(m):
		return client.CodeRefused
	}
	switch code := codeOf(m.Reason); code {
	case client.CodeUnknown, client.CodeRefused, client.CodeUnreachable:
		return code
	}
	return client.CodeStayed
}

// turnedAway reports whether somebody answered at the address of the other node, and did not let this one in, or was
// another node than the one that was named. There is no session, so the reason is that the node was not reached. Only the words
// tell that somebody must change something before it can be: they may come from the source, whose errors are not here.
func turnedAway(m node.Migration) bool {
	return m.Reason == wire.ReasonUnreachable && (strings.Contains(m.Detail, transport.NotAuthorizedHere) || strings.Contains(m.Detail, transport.AnotherNodeHere))
}

// begun reports whether the source has told anything of the migration, and so had the daemon. One that has lost the
// migration, by its own restart, says so by the same reason as one that never had the daemon.
func begun(m node.Migration) bool { return m.Stats != wire.Stats{} }

// remedy is the command that is most likely to help.
func (b *book) remedy(m node.Migration, out *client.Migration) string {
	again := "peer migrate " + client.Quote(out.Label()) + " " + client.Quote(out.Target.Label())
	if m.Source != b.self {
		again += " --from " + client.Quote(out.Source.Label())
	}
	switch m.Reason {
	case wire.ReasonRefused:
		return b.remedyRefused(m, out)
	case wire.ReasonUnreachable:
		if m.Source == b.self && strings.Contains(m.Detail, transport.NotAuthorizedHere) {
			return "peer key authorize " + client.Quote(crypto.AuthorizedLine(b.self, nil, b.node(b.self).Name)) + ", at " + out.Target.Label()
		}
		if m.Source != b.self && !strings.HasPrefix(m.Detail, orchestrator.NothingAsked) {
			return "peer node ls, at " + out.Source.Label()
		}
		return "peer node ls"
	case wire.ReasonFactoryNotFound:
		return "peer status, at " + out.Target.Label() + ", for the kinds it knows"
	case wire.ReasonDaemonNotFound:
		if begun(m) {
			return again
		}
		return "peer daemon ls, at " + out.Source.Label()
	case wire.ReasonAlreadyMigrating:
		return "peer migration ls, at " + out.Source.Label()
	case wire.ReasonFreezeBudget, wire.ReasonNotConverging:
		return again + " --max-blackout 1s"
	case wire.ReasonTimeout:
		return again + " --timeout 1h --stall 5m"
	}
	return again
}

// otherRights goes with every advice to give one right: this node cannot know which others there are.
const otherRights = "(with the rights it has already: those not named are taken away)"

// remedyRefused names the right that was missing: the source's to bring daemons to the target, or, if the
// source itself turned down a third node, that node's to take daemons away. Only the words of the refusal
// tell which; they come from another node, and nothing but this advice rests on them.
func (b *book) remedyRefused(m node.Migration, out *client.Migration) string {
	who, right, at := m.Source, wire.RightMigrateIn, out.Target.Label()
	if m.Orchestrator != m.Source && strings.Contains(m.Detail, wire.RightMigrateOut.String()) {
		who, right, at = m.Orchestrator, wire.RightMigrateOut, out.Source.Label()
	}
	return "peer key authorize " + client.Quote(crypto.AuthorizedLine(who, nil, b.node(who).Name)) + " --rights " + right.String() + ", at " + at + " " + otherRights
}
