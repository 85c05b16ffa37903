//go:build mutants

package mutants_test

import "slices"

// mutations are all planted mistakes. Where one rule makes up for another, the entry leaves both out and says so;
// to leave out only one is harmless as long as the other stands.
var mutations = slices.Concat(authority, decided, outcome, again, panics, log, disk)

// Texts that several mutations share.
var (
	// The host would apply for a daemon that is not its own.
	hostAnswersAlways = edit{"daemon/state.go", "	if h.state == frozen {\n		return fmt.Errorf(\"daemon: origin %016x: %w\", h.origin, wire.ErrFrozen)\n	}\n	return h.holdsEpoch()", "	if h.state.holdsEpoch() || h.state == moved {\n		return nil\n	}\n	return h.holdsEpoch()"}
	// A dark host would serve without a handover.
	hostActivatesAlways = edit{"daemon/replay.go", "	holder, travelled := h.passport.Holder()\n	switch {\n	case h.state == dark:\n		return fmt.Errorf(\"daemon: activate: %w\", wire.ErrNoHandover)", "	if h.state == dark {\n		h.mu.Lock()\n		h.setState(serving)\n		h.epoch++\n		h.mu.Unlock()\n		return nil\n	}\n	holder, travelled := h.passport.Holder()\n	switch {\n	case h.state == dark:\n		return fmt.Errorf(\"daemon: activate: %w\", wire.ErrNoHandover)"}
	// The handler would take an activation that no handover has come before.
	handlerActivatesAlways = edit{"target/handler_cutover.go", "	r.hold = hold{}\n	r.enter(wire.PhaseCutover)", "	r.hold = hold{}\n	if r.now() == wire.PhaseRestore {\n		r.enter(wire.PhaseReplay)\n	}\n	r.enter(wire.PhaseCutover)"}
	// Heads are not compared, wherever they are.
	targetIgnoresHead  = edit{"target/machine_cutover.go", "	if m.head != m.final {", "	if false {"}
	handlerIgnoresHead = edit{"target/handler_cutover.go", "	case head != final:", "	case false:"}
	sourceIgnoresHead  = edit{"source/attempt.go", "	if msg.Head != m.attempt.final {", "	if false {"}
	reportsUnread      = edit{"source/machine.go", "	if m.backlog.agrees(h) {", "	if true {"}
	commitIgnoresHead  = edit{"target/machine_cutover.go", "	case h.Head != m.head:", "	case false:"}
	replayIgnoresHead  = edit{"daemon/replay.go", "	case record.Head != h.head:", "	case false:"}
	// The chain is not checked at the host.
	linkUnchecked = edit{"daemon/replay.go", "	if err := h.head.CheckLink(ev.Link); err != nil {", "	if err := h.head.CheckLink(ev.Link); err != nil && ev.Kind != crypto.EventInput {"}
)

// authority are mistakes that break P3 and P5: who holds the daemon, and what is said of it.
var authority = []mutation{
	{name: "activate-on-timeout", broken: "a target that holds activates when nobody answers (the gates of host and handler removed as well)", promise: "P3", by: "both holders|no commit has ended",
		edits: []edit{
			{"target/machine_state.go", "		m.doubt = m.doubt || m.due(m.since.Add(m.cfg.DoubtAfter))\n		m.ask()", "		m.enter(activating)\n		m.call(CallActivate{})"},
			hostActivatesAlways, handlerActivatesAlways,
		}},
	{name: "hold-dropped-on-timeout", broken: "a target that holds drops its copy when nobody answers", promise: "P1",
		edits: []edit{{"target/machine_state.go", "	case m.state == holding && m.due(m.askAt):", "	case m.state == holding && m.due(m.askAt):\n		m.release(m.held)\n		m.drop(wire.ReasonTimeout, \"nobody answers\")\n	case m.state == holding && m.doubt:"}}},
	{name: "resume-after-commit", broken: "a source that has committed serves again when nobody answers (the gates of state table and host removed as well)", promise: "P3",
		edits: []edit{
			{"source/timers.go", "	if (m.state == committed || m.state == promised) && !m.doubt && m.passed(m.boundAt, m.cfg.DoubtAfter) {", "	if m.state == committed && !m.doubt && m.passed(m.boundAt, m.cfg.FreezeBudget) {\n		m.fail(wire.ReasonTimeout, \"no answer\")\n		return\n	}\n	if false {"},
			{"source/state.go", "	committed:    {forwarding},", "	committed:    {forwarding, stayed},"},
			{"daemon/state.go", "	moved:   {retired},", "	moved:   {retired, serving},"},
			{"daemon/state.go", "	if err := h.holdsEpoch(); err != nil {\n		return fmt.Errorf(\"%w: thaw: %w\", wire.ErrWrongPhase, err)\n	}", "	if h.state == moved {\n		h.mu.Lock()\n		h.setState(serving)\n		h.mu.Unlock()\n		return nil\n	}\n	if err := h.holdsEpoch(); err != nil {\n		return fmt.Errorf(\"%w: thaw: %w\", wire.ErrWrongPhase, err)\n	}"},
		}},
	{name: "cancel-while-committing", broken: "a cancel ends a migration whose handover is being written", promise: "P5",
		edits: []edit{
			{"source/end.go", "	if m.bound() {\n		m.status()", "	if m.state >= committed {\n		m.status()"},
		}},
	{name: "failure-after-commit", broken: "a failure that the target reports ends a migration whose handover is being written", promise: "P5", pkg: "source", tests: "TestS5_AbortEndsWithTheCommit",
		edits: []edit{{"source/end.go", "	case m.bound() && m.state < committed:\n		m.hurry()\n	case m.state < committing:", "	case m.state < committed:"}}},
	{name: "limits-after-commit", broken: "the freeze budget ends an attempt whose handover is being written", promise: "P3",
		edits: []edit{
			{"source/timers.go", "	if !m.bound() {\n		m.limits()", "	if m.state < promised || m.state == committing {\n		m.limits()"},
			{"source/state.go", "	committing:   {committed, stayed},", "	committing:   {committed, replaying, stayed},"},
			{"source/state.go", "	promising:    {promised, stayed},", "	promising:    {promised, replaying, stayed},"},
		}},
	{name: "commit-unsynced", broken: "the handover leaves before it is durable", promise: "P3",
		edits: []edit{
			{"node/executor.go", "	return source.HandedOver{Event: ev}, x.Journal.Append(\n", "	x.Journal.Append(\n"},
			{"node/executor.go", "		journal.Event{Copy: st.copy, Event: ev, Outputs: host.Head().Outputs},\n	)", "		journal.Event{Copy: st.copy, Event: ev, Outputs: host.Head().Outputs},\n	)\n	return source.HandedOver{Event: ev}, 0"},
		}},
	{name: "commit-forgotten", broken: "a source that restarts does not look for its handover", promise: "P3",
		edits: []edit{
			{"node/recover.go", "	if c.Handover == nil {\n		return d", "	if c.Base != nil {\n		return d"},
			{"journal/state.go", " && c.Handover == nil\n}", "\n}"},
			{"node/recover.go", "		case !host.Dark():\n", "		case !host.Dark() && e.Event.Kind != crypto.EventInput:\n			return nil\n		case !host.Dark():\n"},
		}},
	{name: "hold-taken-for-arrival", broken: "a target that restarts takes its hold for the activation (the gates of host and handler removed as well)", promise: "P3", by: "both holders|no commit has ended",
		edits: []edit{
			{"node/recover.go", "	if x.Handler.Committed(c.Origin) {", "	if c.Held != nil {"},
			hostActivatesAlways, handlerActivatesAlways,
		}},
	{name: "submissions-skip-gate", broken: "submissions are not held during a freeze and the host applies them whoever holds the daemon (two gates)", promise: "P3",
		edits: []edit{
			{"source/cutover.go", "return m.freezeAsked && m.state < moved }", "return false }"},
			hostAnswersAlways,
		}},
	{name: "reads-skip-gate", broken: "a daemon that was handed over is read at its former holder (two gates)", promise: "P3",
		edits: []edit{
			{"node/answer.go", "d == nil || d.committed() {", "d == nil {"},
			{"daemon/sign.go", "	if err := h.answers(); err != nil {", "	if err := h.answers(); err != nil && h.state != moved {"},
		}},
	{name: "dark-reads", broken: "a dark copy is read (two gates)", promise: "P3",
		edits: []edit{
			{"node/answer.go", "d == nil || d.committed() {", "c.arriving[in.Origin] == nil && (d == nil || d.committed()) {"},
			{"daemon/sign.go", "	if err := h.answers(); err != nil {", "	if err := h.answers(); err != nil && h.state != dark {"},
		}},
	{name: "aborted-copy-serves", broken: "a target keeps the copy of a migration that has failed, and serves it (the gates of host and handler removed as well)", promise: "P3", by: "both holders|no commit has ended",
		edits: []edit{
			{"node/executor_target.go", "		_ = x.Handler.Abort(origin) // refused only for a copy that has become authoritative, which stays", "		_, _ = x.Handler.Activate(origin)"},
			hostActivatesAlways, handlerActivatesAlways,
		}},
	{name: "aborted-copy-kept", broken: "a target keeps the copy of a migration that has failed", promise: "P6",
		edits: []edit{{"node/executor_target.go", "		_ = x.Handler.Abort(origin) // refused", "		// refused"}}},
	{name: "single-flight", broken: "a second migration of a daemon begins while the first runs", promise: "P3",
		edits: []edit{{"node/departures.go", "	case d.source != nil:\n		return nil, fmt.Errorf(\"node: the daemon is on its way", "	case d.source != nil && d.source.ended:\n		return nil, fmt.Errorf(\"node: the daemon is on its way"}}},
	{name: "refusal-forgotten", broken: "a request that was refused and comes again is obeyed", promise: "P5", tests: "TestO1.*",
		edits: []edit{{"node/departures.go", "	c.refusals[failed.Migration] = failed\n", ""}}},
	{name: "stayed-after-commit", broken: "an orchestrator whose source is gone says that nothing moved", promise: "P5",
		edits: []edit{{"orchestrator/machine.go", "	case m.state == running:\n		m.search()", "	case m.state == running:\n		m.end(wire.OutcomeStayed, wire.ReasonUnreachable, \"gone\")"}}},
	{name: "early-hold-commits", broken: "a hold that was asked for before the freeze commits whatever came after it", promise: "P5", pkg: "source", tests: "Test.*",
		edits: []edit{{"source/cutover.go", "	if m.attempt.final != m.frozenHead {", "	if false {"}}},
	{name: "nobody-else-asked", broken: "a source in doubt asks nobody but its target where the daemon is", promise: "P5", tests: "TestScripts",
		edits: []edit{{"node/proof.go", "	if !e.m.Status().InDoubt {", "	if true {"}}},
	{name: "id-is-enough", broken: "a message counts for whatever migration has its id, of any daemon and epoch", promise: "P5", pkg: "node", tests: "TestTakenID",
		edits: []edit{{"node/frame.go", "	return got.Migration == want.Migration && got.Origin == want.Origin && (got.Epoch == want.Epoch || got.Epoch == 0)", "	return true"}}},
	{name: "moved-record-unread", broken: "a source that has forgotten the migration says that the daemon has moved, not that this has moved it", promise: "P5", tests: "TestScripts",
		edits: []edit{{"node/departures.go", "t != nil && t.migration == msg.Migration && t.node == msg.Target {\n		c.whereIs(", "t != nil && msg.Migration == (wire.MigrationID{}) {\n		c.whereIs("}}},
	{name: "tombstone-forgotten", broken: "the record of a move does not survive a restart", promise: "P5",
		edits: []edit{{"node/recover.go", "		found = append(found, FoundTombstone{*state.Tombstones[origin]})", "		_ = FoundTombstone{*state.Tombstones[origin]}"}}},
	{name: "alien-tombstone", broken: "a source answers with the handover of another migration", promise: "P5",
		edits: []edit{{"node/frame.go", "	case t.moved(ref):", "	case t != nil:"}, {"node/frame.go", "	case t != nil && c.daemons[ref.Origin] == nil:\n		failed.Reason", "	case false:\n		failed.Reason"}}},
	{name: "ack-unanswered", broken: "a handover that comes again is not acknowledged again", promise: "P5",
		edits: []edit{
			{"target/machine_cutover.go", "	case active:\n		m.ack(from)\n		return", "	case active:\n		return"},
			{"target/directory.go", "	case m.state == active:\n		m.ack(from)\n", "	case m.state == active:\n"},
			{"node/proof.go", "	if ack := c.arrivalOf(ref); ack != nil {", "	if ack := c.arrivalOf(ref); ack != nil && c == nil {"},
		}},
	{name: "activate-not-repeated", broken: "the handover is sent once (and nobody is told of it who asks)", promise: "P5",
		edits: []edit{
			{"source/timers.go", "	case committed:\n		m.sendActivate()", "	case committed:\n		m.backoff()"},
			{"source/answer.go", "		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, m.handover", "		ans.State = wire.StateFrozen"},
			{"orchestrator/machine.go", "		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, m.handover.Handover", "		ans.State = wire.StateUnknown"},
		}},
	{name: "handover-unverified", broken: "the signature of a handover is not verified", promise: "P3",
		edits: []edit{{"crypto/handover.go", "	if err := h.verifySignature(signer); err != nil {\n		return err\n	}\n	if h.Decided {", "	if h.Decided {"}}},
	{name: "epoch-ignored", broken: "a target takes a handover to any epoch that its key and head fit", promise: "P3", pkg: "target", tests: "Test.*",
		edits: []edit{{"target/machine_cutover.go", "	case h.Epoch != m.ref.Epoch+1:", "	case false:"}}},
	{name: "answered-ahead", broken: "what the successor has answered is passed on under an epoch that has not begun", promise: "P3", by: "which it did not hold",
		edits: []edit{{"node/answer.go", "				return d.Epoch + 1", "				return d.Epoch + 2"}}},
	{name: "complaint-answered", broken: "a complaint about another daemon is answered with a complaint", promise: "P6", pkg: "node", tests: "TestComplaintIsNeverAnswered",
		edits: []edit{{"node/frame.go", "		return // not even a refusal: that would be answered with the next", "		c.complain(s, msg.Subject, ref, err)\n		return"}}},
	{name: "held-applied-and-forwarded", broken: "what was held is applied at the source as well (the host's gate removed as well)", promise: "P3",
		edits: []edit{
			{"source/cutover.go", "	m.boundAt = m.now\n", "	m.boundAt = m.now\n	m.out.Apply = append(m.out.Apply, m.held.waiting...)\n"},
			hostAnswersAlways,
		}},
}
