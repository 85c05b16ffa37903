//go:build mutants

package mutants_test

// decided are mistakes where a directory decides who holds the daemon.
var decided = []mutation{
	{name: "accepted-undecided", broken: "a target takes the daemon on the source's certificate, before the directory has decided", promise: "P3",
		edits: []edit{{"target/directory.go", "		m.cert = &msg.Cert\n		m.consult()", "		m.cert = &msg.Cert\n		m.accept(msg.Cert)"}}},
	{name: "thawed-undecided", broken: "a source that has promised serves again when its patience ends, without asking the directory", promise: "P3",
		edits: []edit{{"source/directory.go", "	case m.state == promised:\n		m.consult(ConsultAbort{Cert: m.cert})", "	case m.state == promised:\n		d.at = time.Time{}\n		m.freezeTimedOut()"}}},
	{name: "promise-unsynced", broken: "the certificate leaves before the promise is durable", promise: "P3",
		edits: []edit{{"node/executor.go", "	return source.PromiseMade{Cert: cert}, x.Journal.Append(journal.Promise{", "	return source.PromiseMade{Cert: cert}, 0 * x.Journal.Append(journal.Promise{"}}},
	{name: "promise-forgotten", broken: "a source that restarts serves although it has promised", promise: "P3",
		edits: []edit{
			{"node/recover.go", "	if c.Promise != nil {", "	if c.Promise != nil && key == nil {"},
			{"node/recover.go", "Promised: c.Promise}", "Promised: nil}"},
		}},
	{name: "entry-unchecked", broken: "a source does not hold the entry it is shown against its certificate", promise: "P3", pkg: "source", tests: "TestS3.*",
		edits: []edit{{"source/directory.go", "		if _, err := crypto.ParseDecided(ev, m.cert); err != nil {", "		if ev.Kind != crypto.EventHandover {"}}},
}
