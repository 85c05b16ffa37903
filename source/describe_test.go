package source

import (
	"fmt"
	"strings"

	"github.com/ferrymesh/ferry/wire"
)

// describe writes the last output, one effect a line, in the order in which it is obeyed.
func (r *rig) describe(prefix string) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString("  " + prefix + fmt.Sprintf(format, args...) + "\n")
	}
	o := r.out
	for _, c := range o.Calls {
		line("%s", strings.TrimPrefix(fmt.Sprintf("%T", c), "source."))
	}
	if o.StopCopy {
		line("stop the copy")
	}
	switch {
	case o.Copy == nil:
	case o.Copy.Serial == 0:
		line("start the copy")
	default:
		line("start copy %d at %d", o.Copy.Serial, o.Copy.From)
	}
	for _, s := range o.Apply {
		line("apply %d", s.Ticket)
	}
	for _, c := range o.Consults {
		line("directory: %s", strings.TrimPrefix(fmt.Sprintf("%T", c), "source."))
	}
	for _, e := range o.Sends {
		line("→ %s: %s", nodeNames[e.To], message(e.Message))
	}
	for _, a := range o.Replies {
		line("answer %d: %d receipts, %v", a.Ticket, len(a.Receipts), a.Reason)
	}
	if o.FreezeTimedOut {
		line("counts against the target")
	}
	if o.Ended != nil {
		line("ended: %v, %v: %s", o.Ended.Outcome, o.Ended.Reason, o.Ended.Detail)
	}
	line("%s", r.state())
	return b.String()
}

func (r *rig) state() string {
	s := r.m.state.String()
	if r.m.Holding() {
		s += fmt.Sprintf(", holding %d", len(r.m.held.waiting))
	}
	if d := r.m.Delay(); d > 0 {
		s += fmt.Sprintf(", producers slowed by %v", d)
	}
	if st := r.m.Status(); st.InDoubt {
		s += ", in doubt: " + st.DoubtDetail
	}
	return s
}

func message(msg wire.Message) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", msg), "*wire.")
	switch m := msg.(type) {
	case *wire.Status:
		return fmt.Sprintf("Status %v, lag %d%s", m.Phase, m.Stats.Lag, map[bool]string{true: ", in doubt"}[m.InDoubt])
	case *wire.BufferedEvents:
		return fmt.Sprintf("BufferedEvents %d to %d", m.Events[0].Link.Sequence, m.Events[len(m.Events)-1].Link.Sequence)
	case *wire.Final:
		return fmt.Sprintf("Final %v at %d", m.Attempt, m.Head.Sequence)
	case *wire.Promised:
		return fmt.Sprintf("Promised %v at %d", m.Attempt(), m.Cert.Head.Sequence)
	case *wire.Aborted:
		return fmt.Sprintf("Aborted %v", m.Attempt)
	case *wire.ActivateTarget:
		return fmt.Sprintf("ActivateTarget %v with the entry %d", m.Attempt, m.Handover.Link.Sequence)
	case *wire.MigrationFailed:
		return fmt.Sprintf("MigrationFailed, %v: %s", m.Reason, m.Detail)
	case *wire.CleanupComplete:
		return fmt.Sprintf("CleanupComplete %v", m.Outcome)
	case *wire.Answer:
		return fmt.Sprintf("Answer %v, attempt %v, handover %v", m.State, m.Attempt, m.HasHandover)
	case *wire.Forward:
		return fmt.Sprintf("Forward %c from %d, %d items", m.Producer[0], m.Items[0].Seq, len(m.Items))
	case *wire.Resume:
		return fmt.Sprintf("Resume %d of the view at %d", m.Serial, m.Head.Sequence)
	case *wire.Prepare:
		return fmt.Sprintf("Prepare %s %q, stop and copy %v", m.Kind, m.Name, m.StopAndCopy)
	}
	return name
}
