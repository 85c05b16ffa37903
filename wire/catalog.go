package wire

// entry is what the codec knows of one message type.
type entry struct {
	name string
	max  int            // the largest body in bytes
	make func() Message // an empty message to parse into
}

// catalog lists every message by subprotocol and number. It is never written.
// Holes (number 0, unused subprotocols) have no constructor and are unknown.
var catalog = [...][]entry{
	SubSession: {
		0x01: {"Hello", MaxControl, func() Message { return new(Hello) }},
		0x02: {"SessionError", MaxControl, func() Message { return new(SessionError) }},
	},
	SubMigration: {
		0x01: {"TakeSnapshot", MaxControl, func() Message { return new(TakeSnapshot) }},
		0x02: {"Prepare", MaxControl, func() Message { return new(Prepare) }},
		0x03: {"PrepareOK", MaxControl, func() Message { return new(PrepareOK) }},
		0x04: {"SnapshotReady", MaxChunk + MaxControl, func() Message { return new(SnapshotReady) }},
		0x05: {"BufferedEvents", MaxBatchBytes, func() Message { return new(BufferedEvents) }},
		0x06: {"RestoreComplete", MaxControl, func() Message { return new(RestoreComplete) }},
		0x07: {"Progress", MaxControl, func() Message { return new(Progress) }},
		0x08: {"CutoverNotify", MaxControl, func() Message { return new(CutoverNotify) }},
		0x09: {"Final", MaxControl, func() Message { return new(Final) }},
		0x0a: {"Aborted", MaxControl, func() Message { return new(Aborted) }},
		0x0b: {"ReplayComplete", MaxControl, func() Message { return new(ReplayComplete) }},
		0x0c: {"ActivateTarget", MaxControl, func() Message { return new(ActivateTarget) }},
		0x0d: {"ActivateAck", MaxControl, func() Message { return new(ActivateAck) }},
		0x0e: {"CleanupComplete", MaxControl, func() Message { return new(CleanupComplete) }},
		0x0f: {"Status", MaxControl, func() Message { return new(Status) }},
		0x10: {"Cancel", MaxControl, func() Message { return new(Cancel) }},
		0x11: {"Ask", MaxControl, func() Message { return new(Ask) }},
		0x12: {"Answer", MaxControl, func() Message { return new(Answer) }},
		0x13: {"MigrationFailed", MaxControl, func() Message { return new(MigrationFailed) }},
		0x14: {"Promised", MaxControl, func() Message { return new(Promised) }},
		0x15: {"Resume", MaxControl, func() Message { return new(Resume) }},
		0x16: {"ResumeAt", MaxControl, func() Message { return new(ResumeAt) }},
	},
	SubSubmission: {
		0x01: {"Open", MaxControl, func() Message { return new(Open) }},
		0x02: {"Opened", MaxControl, func() Message { return new(Opened) }},
		0x03: {"Submit", MaxBatchBytes, func() Message { return new(Submit) }},
		0x04: {"Receipts", MaxBatchBytes, func() Message { return new(Receipts) }},
		0x05: {"Refused", MaxControl, func() Message { return new(Refused) }},
		0x06: {"Moved", MaxControl, func() Message { return new(Moved) }},
		0x07: {"Forward", MaxBatchBytes, func() Message { return new(Forward) }},
		0x08: {"Forwarded", MaxBatchBytes, func() Message { return new(Forwarded) }},
	},
	SubDirectory: {
		0x01: {"DirectoryLookup", MaxControl, func() Message { return new(DirectoryLookup) }},
		0x02: {"DirectoryRegister", MaxControl, func() Message { return new(DirectoryRegister) }},
		0x03: {"DirectoryClaim", MaxControl, func() Message { return new(DirectoryClaim) }},
		0x04: {"DirectoryForce", MaxControl, func() Message { return new(DirectoryForce) }},
		0x05: {"DirectoryOutcome", MaxControl, func() Message { return new(DirectoryOutcome) }},
		0x06: {"DirectoryWatch", MaxControl, func() Message { return new(DirectoryWatch) }},
		0x07: {"DirectoryEntry", MaxControl, func() Message { return new(DirectoryEntry) }},
		0x08: {"DirectoryDecided", MaxControl, func() Message { return new(DirectoryDecided) }},
		0x09: {"DirectoryFailed", MaxControl, func() Message { return new(DirectoryFailed) }},
	},
}
