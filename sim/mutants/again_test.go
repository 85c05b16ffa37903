//go:build mutants

package mutants_test

// again are mistakes about what comes a second time: an id, a daemon, a process, an answer. They were found by reading, and
// need so much at once that storms meet few of them: each has a test of its own.
var again = []mutation{
	{name: "id-taken-early", broken: "an id is used for another daemon while the first one's copy is still being deleted", promise: "P1", pkg: "node", tests: "TestIDWaitsForItsCopy",
		edits: []edit{{"node/answer.go", "	case target.CallRestore, target.CallAbort, target.CallDiscard, source.CallRetire:", "	case target.CallRestore, target.CallAbort, source.CallRetire:"}}},
	{name: "late-result", broken: "a result that comes after its migration has ended steps the one that has begun again", promise: "P3", pkg: "node", tests: "Test.*OfAnEarlierTry",
		edits: []edit{{"node/answer.go", "	e, _ := in.Call.by.(*sourceEntry)\n	if shot,", "	e := c.sources[in.Call.Migration]\n	if shot,"}}},
	{name: "old-epoch-taken", broken: "a node takes a daemon that has left it at an epoch from before that", promise: "P3", pkg: "node", tests: "TestStalePrepare",
		edits: []edit{{"node/arrivals.go", "t.entity == msg.Entity && msg.Epoch < t.epoch {", "t.entity == msg.Entity && msg.Epoch == 0 {"}}},
	{name: "copy-kept-without-room", broken: "without room for a tombstone the copy of a daemon that has left is kept", promise: "P7", pkg: "sim", tests: "TestS6_NoRoomAndNoCopy",
		edits: []edit{{"node/tombstone.go", "	if t.durable {\n		c.call(", "	if t.durable && record != nil {\n		c.call("}}},
	{name: "copy-outlives-its-move", broken: "without room for a tombstone the copy of a daemon that has left is kept, and its proof ends whatever copy is here (three rules)", promise: "P1", pkg: "sim", tests: "TestS6_NoRoomForTheTombstone",
		edits: []edit{
			{"node/tombstone.go", "	if t.durable {\n		c.call(", "	if t.durable && record != nil {\n		c.call("},
			{"node/tombstone.go", "	if c.daemons[d.Origin] == d {", "	if c.daemons[d.Origin] != nil {"},
			{"node/stays.go", "	st, ok := x.stays.departed(call.move())", "	st, ok := x.stays.of(call.Origin)"},
		}},
	{name: "record-ends-at-return", broken: "the record of a move goes when the daemon is back", promise: "P5", pkg: "sim", tests: "TestO4_ToldWhenTheDaemonIsBack",
		edits: []edit{{"node/serving.go", "	c.daemons[d.Origin] = &local{Daemon: d}", "	c.daemons[d.Origin] = &local{Daemon: d}\n	delete(c.tombstones, d.Origin)"}}},
	{name: "found-copy-as-repeat", broken: "a copy that was found on the disk is not begun anew when its source, restarted too, announces it", promise: "P5", pkg: "node", tests: "TestBegunAnew.*",
		edits: []edit{{"node/arrivals.go", "		return e.m.Status().Phase > wire.PhaseSnapshot", "		return e.m.Status().Phase > wire.PhaseComplete"}}},
	{name: "handover-among-events", broken: "a target applies a handover that comes among the events", promise: "P3", pkg: "target", tests: "TestEventsCarryNoHandover",
		edits: []edit{{"target/machine.go", "ev.Kind != crypto.EventInput {", "ev.Kind != crypto.EventInput && ev.Kind != crypto.EventHandover {"}}},
	{name: "undecided-revived", broken: "a restart finishes a handover that the directory has not decided", promise: "P3", pkg: "node", tests: "TestDirectory_DecidesBeforeARestartToo",
		edits: []edit{{"node/recover.go", "	if err == nil && !h.Decided {", "	if err == nil && !h.Decided && h.Epoch == 0 {"}}},
	{name: "committed-says-stayed", broken: "an orchestrator that has had the handover takes the source's word that it serves for the outcome", promise: "P5", pkg: "orchestrator", tests: "TestO5_.*",
		edits: []edit{{"orchestrator/failed.go", "	case m.committed:\n", "	case m.committed && m.proven:\n"}}},
	{name: "last-group-trusted", broken: "what an earlier process wrote before a sync that failed is not written again", promise: "P3", pkg: "journal", tests: "TestFailedSyncAndRestart",
		edits: []edit{{"journal/open.go", "	if _, err := f.WriteAt(again, s.last); err != nil {", "	if _, err := f.WriteAt(again[:0], s.last); err != nil {"}}},
	{name: "left-base-trusted", broken: "neither is what it has left of a base", promise: "P1", pkg: "journal", tests: "TestFailedSyncOfResumedBase",
		edits: []edit{{"journal/base.go", "	if _, err := r.s.file.WriteAt(p[:n], r.at); err != nil {", "	if _, err := r.s.file.WriteAt(p[:0], r.at); err != nil {"}}},
	{name: "sync-error-lost", broken: "a sync that failed in the middle of a base fails nothing else", promise: "P1", pkg: "journal", tests: "TestFailedSyncOfSpool",
		edits: []edit{{"journal/base.go", "	s.j.fail(s.failed)\n	return s.failed", "	err = s.failed\n	s.failed = nil\n	return err"}}},
}
