package subproto

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// Supported lists the versions that a node speaks, ascending by subprotocol. That of the directory is for nodes that have one.
func Supported(directory bool) []wire.VersionRange {
	list := []wire.VersionRange{
		{Subprotocol: wire.SubSession, Min: 1, Max: 1},
		{Subprotocol: wire.SubMigration, Min: 1, Max: 1},
		{Subprotocol: wire.SubSubmission, Min: 1, Max: 1},
	}
	if directory {
		list = append(list, wire.VersionRange{Subprotocol: wire.SubDirectory, Min: 1, Max: 1})
	}
	return list
}

// Agreed holds the version of each subprotocol that both ends of a session speak.
type Agreed map[wire.Subprotocol]uint16

// Negotiate picks the highest common version of each subprotocol (rule D7). A subprotocol that both ends
// know without a common version is left out and reported; the others work.
func Negotiate(ours, theirs []wire.VersionRange) (Agreed, []error) {
	agreed := make(Agreed, len(ours))
	var errs []error
	for _, o := range ours {
		for _, t := range theirs {
			if o.Subprotocol != t.Subprotocol {
				continue
			}
			if v, ok := o.Common(t); ok {
				agreed[o.Subprotocol] = v
			} else {
				errs = append(errs, &VersionError{Ours: o, Theirs: t})
			}
		}
	}
	return agreed, errs
}

// Check returns a [*VersionError] if the session has no version for the subprotocol.
func (a Agreed) Check(s wire.Subprotocol) error {
	if _, ok := a[s]; ok {
		return nil
	}
	return &VersionError{Ours: wire.VersionRange{Subprotocol: s}}
}

// VersionError says that one subprotocol cannot be used in a session. It matches [wire.ErrVersion].
type VersionError struct{ Ours, Theirs wire.VersionRange }

func (e *VersionError) Error() string {
	if e.Theirs == (wire.VersionRange{}) {
		return fmt.Sprintf("subproto: the session has no version of %v", e.Ours.Subprotocol)
	}
	return fmt.Sprintf("subproto: no common version of %v: %d to %d here, %d to %d there",
		e.Ours.Subprotocol, e.Ours.Min, e.Ours.Max, e.Theirs.Min, e.Theirs.Max)
}

// Is matches [wire.ErrVersion].
func (e *VersionError) Is(target error) bool { return target == wire.ErrVersion }
