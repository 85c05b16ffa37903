//go:build mutants

package mutants_test

// log are mistakes that break P1, P2 and P4: what is in the log, and how often.
var log = []mutation{
	{name: "no-dedup", broken: "a submission that comes again is applied again", promise: "P2",
		edits: []edit{{"daemon/submit.go", "	if earlier != nil {", "	if earlier != nil && h == nil {"}}},
	{name: "table-left-behind", broken: "the producer table does not travel with the snapshot", promise: "P2",
		edits: []edit{{"daemon/restore.go", "producers: s.table,", "producers: nil,"}}},
	{name: "window-copied-late", broken: "the producer table of a snapshot changes while it is written", promise: "P2", pkg: "daemon", tests: "Test.*",
		edits: []edit{{"daemon/producers_view.go", "	t.generation++\n", ""}}},
	{name: "answered-twice", broken: "a receipt leaves its submission in flight", promise: "P2",
		edits: []edit{{"node/client.go", "	for rest := r.Items; len(rest) > 0; {\n		request, n := cl.answer(len(rest))", "	for rest := r.Items; len(rest) > 0; {\n		request, n := cl.requests[0].id, min(len(rest), len(cl.requests[0].items))"}}},
	{name: "refusal-of-another", broken: "a refusal counts for whatever is the oldest in flight", promise: "P2",
		edits: []edit{{"node/client.go", "	if cl == nil || msg.Seq != 0 && !cl.asks(msg.Seq) {", "	if cl == nil || msg.Seq != 0 && cl.sent == 0 {"}}},
	{name: "held-dropped", broken: "what was held is dropped when a freeze ends without a commit (the client's own repetition removed as well)", promise: "P5", pkg: "source", tests: "Test.*",
		edits: []edit{
			{"source/end.go", "	m.out.Apply = append(m.out.Apply, m.held.take()...)", "	m.held.take()"},
			{"node/client.go", "	if cl.asked && c.now.Sub(cl.askedAt) >= answerLimit {", "	if cl.asked && c.now.Sub(cl.askedAt) >= 1000*answerLimit {"},
		}},
	{name: "held-dropped-at-commit", broken: "what was held is dropped when the move is done (the client's own repetition removed as well)", promise: "P5", pkg: "source", tests: "Test.*",
		edits: []edit{
			{"source/cutover.go", "	m.resetRetry()\n	m.forwardOn()", "	m.resetRetry()\n	m.held.take()"},
			{"node/client.go", "	if cl.asked && c.now.Sub(cl.askedAt) >= answerLimit {", "	if cl.asked && c.now.Sub(cl.askedAt) >= 1000*answerLimit {"},
		}},
	{name: "ship-gap", broken: "the source leaves out an event now and then, and nobody compares heads or links", promise: "P1",
		edits: []edit{
			{"source/machine.go", "	m.backlog.rewind()\n", "	m.backlog.sent = min(m.backlog.sent, m.backlog.len())\n"},
			{"target/buffer.go", "	return seq > b.cursor && seq-b.cursor == 1", "	return seq > b.cursor"},
			linkUnchecked, targetIgnoresHead, handlerIgnoresHead, sourceIgnoresHead, reportsUnread, commitIgnoresHead, replayIgnoresHead,
		}},
	{name: "no-head-check", broken: "a replay gives submissions other numbers, and no head is compared at the cutover", promise: "P4",
		edits: []edit{
			{"daemon/replay.go", "	if _, err := h.apply(ev); err != nil {", "	ev.ProducerSeq++\n	if _, err := h.apply(ev); err != nil {"},
			targetIgnoresHead, handlerIgnoresHead, sourceIgnoresHead, reportsUnread, commitIgnoresHead, replayIgnoresHead,
		}},
	{name: "hold-early", broken: "a target holds before it has everything, and the source does not look at what it holds", promise: "P1",
		edits: []edit{
			{"target/machine_cutover.go", "	if m.head.Sequence != m.final.Sequence {\n		return\n	}\n", ""},
			targetIgnoresHead,
			{"target/handler_cutover.go", "	case head.Sequence != final.Sequence:", "	case head.Sequence > final.Sequence+1<<40:"},
			handlerIgnoresHead, sourceIgnoresHead,
			{"target/machine_cutover.go", "	if m.head != m.heldHead {\n		return\n	}\n", ""},
		}},
	{name: "credits-ignored", broken: "the source sends more than the target's credits", promise: "P6", tests: "TestS2_SmallCredits",
		edits: []edit{{"source/ship.go", "		if b.sent > 0 && (uint64(b.sent) >= creditEvents || uint64(b.sentBytes+n) > creditBytes) {", "		if false {"}}},
	{name: "pending-unlimited", broken: "a target holds events as far ahead of their turn as they are sent to it", promise: "P6", by: "are allowed",
		edits: []edit{{"target/buffer.go", "	case ahead > b.maxEvents:", "	case false:"}}},
	{name: "old-attempt-commits", broken: "the source commits on a hold for an attempt that is over, and the head is not compared", promise: "P1",
		edits: []edit{
			{"source/attempt.go", "	if !m.attempt.live || msg.Attempt != m.attempt.Attempt || m.state > frozen {", "	if !m.attempt.live || m.state > frozen {"},
			sourceIgnoresHead,
		}},
	{name: "final-of-old-attempt", broken: "a target obeys a Final whose attempt has been aborted", promise: "P5", pkg: "target", tests: "Test.*Machine.*|TestS7.*",
		edits: []edit{{"target/machine_cutover.go", "	if a.Less(m.wanted) || !m.void.Less(a) || a == m.wanted", "	if a == m.wanted"}}},
	{name: "answer-voids-any", broken: "an answer about one attempt voids whatever is held", promise: "P1", pkg: "target", tests: "Test.*Machine.*|TestS7.*",
		edits: []edit{{"target/machine_cutover.go", "	case msg.State == wire.StateServing:\n		m.abortedAttempt(msg.Attempt)", "	case msg.State == wire.StateServing:\n		m.abortedAttempt(m.held)"}}},
	{name: "serving-after-commit", broken: "a source that has committed answers that it serves", promise: "P1", pkg: "source", tests: "Test.*",
		edits: []edit{{"source/answer.go", "	case m.state >= committed && m.state != stayed:\n		ans.State", "	case m.state > committed && m.state != stayed:\n		ans.State"}}},
	{name: "renumbered", broken: "a client that sends submissions again numbers them anew", promise: "P2",
		edits: []edit{{"node/client.go", "	cl.nextSeq = cl.fill(cl.nextSeq)\n", "	for _, it := range cl.all() {\n		it.Seq = 0\n	}\n	cl.sent = 0\n	cl.nextSeq = cl.fill(cl.nextSeq)\n"}}},
	{name: "replayed-twice", broken: "an event that is sent again is replayed again (cursor, link and table not looked at)", promise: "P2",
		edits: []edit{
			{"target/record_replay.go", "		return r.duplicate(ev, p)", "		_ = r.host.Load() != nil && r.host.Load().Replay(*ev) == nil\n		return true"},
			linkUnchecked,
			{"daemon/replay.go", "math.MaxUint64, ev.ProducerSeq); e != nil || err != nil {", "math.MaxUint64, ev.ProducerSeq); e != nil && err != nil {"},
		}},
	{name: "other-outputs", broken: "a replay computes other outputs and nobody compares the digest of them", promise: "P4",
		edits: []edit{
			targetIgnoresHead, handlerIgnoresHead, sourceIgnoresHead, reportsUnread, commitIgnoresHead, replayIgnoresHead,
			{"daemon/submit.go", "	next.Extend(ev, outputs)\n", "	if h.state == dark {\n		next.Extend(ev, nil)\n	} else {\n		next.Extend(ev, outputs)\n	}\n"},
		}},
}
