package bolt

// BreakDisk takes the file away from under the database: every write fails from
// now on.
func (d *DB) BreakDisk() error { return d.file.os.Close() }
