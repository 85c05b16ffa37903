package client

import "fmt"

// The exit codes of the peer command, which are a contract with scripts. Any other code that is not zero
// means failure.
const (
	CodeDone        = 0
	CodeError       = 1   // anything that has no code of its own
	CodeUsage       = 2   // the command line or the configuration is wrong
	CodeUnknown     = 3   // no such daemon, node or migration
	CodeRefused     = 4   // rights, kind, version or limits do not allow it
	CodeUnreachable = 5   // nobody answers; retrying may help
	CodeDeadline    = 6   // the time allowed has passed; retrying may help
	CodeStayed      = 7   // not moved: still at the source and serving; if it was turned down at once, 3, 4 or 5
	CodeInDoubt     = 8   // committed and not confirmed, so that nobody serves; or the source fell silent, and serves or has committed
	CodeProof       = 9   // a proof is invalid, two proofs show a fork, or a journal is damaged
	CodeThreshold   = 10  // everything was done, and a limit that was given has been missed
	CodeIncomplete  = 11  // not everything could be moved away from a node
	CodeInterrupted = 130 // stopped by a signal; what was started goes on
)

// Problem is a failure as people and programs are told of it. It is the body of every HTTP answer that is
// not a success, and the JSON line that a command with --json prints on stderr.
type Problem struct {
	// Code is the exit code that the failure deserves.
	Code int `json:"code"`
	// Kind names the failure for programs: lower case, words joined by underscores.
	Kind string `json:"kind"`
	// Outcome says what state the daemon, or whatever was asked for, is in now. May be empty.
	Outcome string `json:"outcome,omitempty"`
	// Detail says what happened.
	Detail string `json:"detail"`
	// Next is the one command to type next. May be empty.
	Next string `json:"next,omitempty"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// Is matches a problem of the same kind, so that errors.Is(err, &Problem{Kind: "ambiguous"}) works.
func (p *Problem) Is(target error) bool {
	other, ok := target.(*Problem)
	return ok && other.Kind == p.Kind
}

// Problemf returns a problem with a formatted detail and nothing else but code and kind.
func Problemf(code int, kind, format string, args ...any) *Problem {
	return &Problem{Code: code, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Now sets the outcome and Then the next command; both return the problem itself.
func (p *Problem) Now(format string, args ...any) *Problem {
	p.Outcome = fmt.Sprintf(format, args...)
	return p
}

// Then sets the command to type next.
func (p *Problem) Then(format string, args ...any) *Problem {
	p.Next = fmt.Sprintf(format, args...)
	return p
}
