//go:build mutants

package mutants_test

// outcome are mistakes that break P5: a move that stands still with nothing in its way, or a copy that nobody ends.
var outcome = []mutation{
	{name: "session-change-unasked", broken: "a source that has sent all of the view does not ask when one of several sessions has ended", promise: "P5",
		edits: []edit{{"source/machine.go", "	if m.state == restoring {\n		m.cut(", "	if false {\n		m.cut("}}},
	{name: "session-not-made-again", broken: "nobody makes a session again that ended while the target replays", promise: "P5", pkg: "source", tests: "TestResume_AskedForASession.*",
		edits: []edit{{"source/timers.go", "		if !m.connected {\n			m.askResume()", "		if false {\n			m.askResume()"}}},
	{name: "two-answers", broken: "the orchestrator answers a question besides the source on the same node", promise: "P5", pkg: "node", tests: "TestOneAnswerToAQuestion",
		edits: []edit{{"node/frame.go", "asks && len(roles) > 1 && !e.m.Proves() {", "asks && len(roles) > 9 && !e.m.Proves() {"}}},
	{name: "begun-anew-as-repeat", broken: "what a source announces again after a restart is taken for a repeat", promise: "P5", pkg: "node", tests: "TestBegunAnew",
		edits: []edit{{"node/arrivals.go", "	return c.bootOf(from) > e.boot", "	return c.bootOf(from) < e.boot"}}},
	{name: "begun-anew-for-another", broken: "the same id for another daemon takes the place of a copy", promise: "P5", pkg: "node", tests: "TestIDOfAnotherDaemon",
		edits: []edit{{"node/arrivals.go", " && e.m.Ref().Origin == msg.Origin &&", " &&"}}},
	{name: "displaced-unanswered", broken: "the target of a migration whose id has been taken is sent a complaint", promise: "P5", pkg: "node", tests: "TestDisplacedTarget",
		edits: []edit{{"node/frame.go", "	case c.displaced(from, ref, msg):", "	case false:"}}},
	{name: "handover-elsewhere-refused", broken: "a target that holds keeps its copy although a handover of the epoch names another node", promise: "P5", pkg: "target", tests: "TestT15_MachineReleases",
		edits: []edit{{"target/machine_cutover.go", "	case errors.Is(err, errElsewhere) && ev.Kind == crypto.EventHandover:", "	case errors.Is(err, errElsewhere) && ev.Kind == crypto.EventForced:"}}},
	{name: "record-without-outcome", broken: "the record of a move proves it to an orchestrator and does not say that it is over", promise: "P5", pkg: "node", tests: "TestRecordTellsTheOutcome",
		edits: []edit{{"node/frame.go", "t.moved(ref) {\n		c.send(to, &wire.CleanupComplete{", "t.moved(ref) && c == nil {\n		c.send(to, &wire.CleanupComplete{"}}},
	{name: "orchestrator-forgets", broken: "a node forgets what it has asked for as soon as that has ended", promise: "P5", by: "does not know what became of it",
		edits: []edit{{"node/roles.go", "		c.remember(ref.Migration, subproto.Orchestrator)\n", "		delete(c.orchestrators, ref.Migration)\n"}}},
	{name: "dial-without-address", broken: "addresses that are learned during a dial are not tried when it fails", promise: "P5", pkg: "node", tests: "TestAddressLearnedDuringDialIsTried",
		edits: []edit{{"node/session.go", "	if !slices.Equal(p.tried, p.addrs) {", "	if len(p.tried) > 99 && !slices.Equal(p.tried, p.addrs) {"}}},
}
