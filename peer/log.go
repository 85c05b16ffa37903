package peer

import (
	"fmt"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

func originText(origin uint64) string { return fmt.Sprintf("%016x", origin) }

// logNote writes what the core found worth a line.
func (p *Peer) logNote(n node.Note) {
	ev := p.log.Info()
	switch n.Kind {
	case node.NoteRefused:
		ev = p.log.Warn()
	case node.NoteAlarm:
		ev = p.log.Error()
	}
	if n.Origin != 0 {
		ev = ev.Str("origin", originText(n.Origin))
	}
	if n.Migration != (wire.MigrationID{}) {
		ev = ev.Str("migration", n.Migration.String())
	}
	ev.Str("peer", n.Peer.String()).Err(n.Err).Msg(n.Text)
}

// logChange writes the outcomes of migrations, and what is in doubt, once each.
func (p *Peer) logChange(m node.Migration) {
	if m.Outcome == 0 || !p.watchers.first(m) {
		return
	}
	ev := p.log.Info()
	if m.Outcome != wire.OutcomeMoved {
		ev = p.log.Warn()
	}
	if m.Outcome == wire.OutcomeInDoubt || m.Outcome == wire.OutcomeLost {
		ev = p.log.Error()
	}
	ev.Str("migration", m.ID.String()).Str("origin", originText(m.Origin)).Str("daemon", m.Name).
		Str("from", m.Source.String()).Str("to", m.Target.String()).
		Str("outcome", m.Outcome.String()).Dur("blackout", m.Stats.Blackout).Str("detail", m.Detail).Msg("migration")
}
