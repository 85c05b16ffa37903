//go:build mutants

package mutants_test

// disk are mistakes that break what is promised across the death of a process.
var disk = []mutation{
	{name: "ack-unsynced", broken: "a submission is acknowledged before it is durable", promise: "P1",
		edits: []edit{{"node/executor.go", "	if st.durability < wire.DurabilityEveryEvent && x.Journal.Pending() < maxUnsynced {\n		return result, 0\n	}\n	return result, at", "	_ = at\n	return result, 0"}}},
	{name: "hold-unsynced", broken: "a hold, and what was reported before it, is told before it is durable", promise: "P1",
		edits: []edit{
			{"node/executor_target.go", "	return done, x.Journal.Append(journal.Hold{Copy: st.copy, Attempt: op.Attempt, Final: op.Final})", "	x.Journal.Append(journal.Hold{Copy: st.copy, Attempt: op.Attempt, Final: op.Final})\n	return done, 0"},
			{"node/executor_target.go", "	return r, x.Journal.Last()\n", "	return r, 0\n"},
		}},
	{name: "hold-forgotten", broken: "a target that restarts does not renew its hold", promise: "P1",
		edits: []edit{{"node/recover.go", "	if c.Held == nil {\n		return", "	if c.Held == nil || r.Held.IsZero() {\n		return"}}},
	{name: "activation-unsynced", broken: "a target serves before its arrival is durable, and the source's record of the move is lost", promise: "P3",
		edits: []edit{
			{"node/executor_target.go", "	return target.Activated{Signed: signed}, x.arrived(call, signed)", "	x.arrived(call, signed)\n	return target.Activated{Signed: signed}, 0"},
			{"node/recover.go", "		found = append(found, FoundTombstone{*state.Tombstones[origin]})", "		_ = FoundTombstone{*state.Tombstones[origin]}"},
			{"node/tombstone.go", "	c.tombstones[origin] = t\n	c.set(", "	c.set("},
		}},
	{name: "copy-not-dropped", broken: "the copy of a daemon that has moved is not dropped from the journal", promise: "P3",
		edits: []edit{{"node/stays.go", "	return x.Journal.Append(append(records, journal.Dropped{Copy: st.copy})...)", "	return x.Journal.Append(records...)"}}},
	{name: "name-unsynced", broken: "a new segment is written before its name is durable", promise: "P1",
		edits: []edit{{"journal/wait.go", "	if err := disk.SyncDir(logDir); err != nil {", "	if err := error(nil); err != nil {"}}},
	{name: "group-unsynced", broken: "a group counts as durable before it is synced", promise: "P1",
		edits: []edit{{"journal/wait.go", "	if err := j.file.Sync(); err != nil {", "	if err := error(nil); err != nil {"}}},
	{name: "groups-at-once", broken: "a write of which a part is lost is not cut off", promise: "P1", pkg: "journal", tests: "Test.*",
		edits: []edit{{"journal/open.go", "	if s.torn != nil {\n		if err := f.Truncate", "	if s.torn != nil && s.torn.header != 0 {\n		if err := f.Truncate"}}},
	{name: "torn-tail-accepted", broken: "a record whose checksum is wrong is taken", promise: "P1", pkg: "journal", tests: "Test.*",
		edits: []edit{{"journal/scan.go", "c.Err() != nil || sum != xxhash.Sum64(b[:head+int(n)]) {", "c.Err() != nil || sum == xxhash.Sum64(b[:0]) && head < 0 {"}}},
	{name: "trim-too-much", broken: "segments are dropped that something lives in (the journal's own check removed as well)", promise: "P1",
		edits: []edit{
			{"journal/roll.go", "	for first < j.seg.number && j.fold.live[first] == 0 {", "	for first+2 < j.seg.number {"},
			{"journal/roll.go", "	if f.whole {\n		for seg", "	if f.whole && first == 0 {\n		for seg"},
		}},
	{name: "compaction-keeps-old", broken: "a new base replaces more of the log than it has in it", promise: "P1",
		edits: []edit{{"node/compact.go", "	at, err := x.writeBase(c.stay, base)", "	base.Head.Sequence++\n	at, err := x.writeBase(c.stay, base)"}}},
	{name: "snapshot-dropped", broken: "the newest base is restated without what is in it", promise: "P1",
		edits: []edit{{"journal/restate.go", "			j.restateRow(restated{e.Copy, e.head})", "			if e.Base != nil {\n				b := *e.Base\n				b.Inline = nil\n				e.Base = &b\n			}\n			j.restateRow(restated{e.Copy, e.head})"}}},
	{name: "log-not-reapplied", broken: "a holder that restarts serves from its base and leaves out the log behind it", promise: "P1",
		edits: []edit{{"node/recover.go", "			return host.Reapply(e.Event, e.Outputs)", "			return nil"}}},
	{name: "key-not-kept", broken: "a target that restarts has another key than the one it announced", promise: "P5",
		edits: []edit{
			{"node/executor_target.go", "Prepare: *req.Prepare, Seed: seed,", "Prepare: *req.Prepare, Seed: [32]byte{1},"},
			{"node/executor_target.go", "	seed, err := req.Key.Seed()", "	_, err := req.Key.Seed()"},
		}},
	{name: "both-not-awaited", broken: "at durability both an event is acknowledged before the target has it", promise: "P1",
		edits: []edit{{"node/covered.go", "d.Durability < wire.DurabilityBoth {", "d.Durability <= wire.DurabilityBoth {"}}},
	{name: "both-ends-at-freeze", broken: "at durability both an event is acknowledged before the target has it, once the source has asked for the freeze", promise: "P1", by: "has come to",
		edits: []edit{{"source/recover.go", "m.state >= replaying && m.state < committed", "m.state >= replaying && m.state < freezing"}}},
}
