package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkLimit is how long the linearizability of one history is looked for.
const checkLimit = 5 * time.Minute

// question is a command to a key-value daemon, taken apart.
type question struct {
	name    string // get, put or cas
	key     string
	value   string
	version uint64 // that a cas expects
}

// reply is what the daemon said, taken apart.
type reply struct {
	kind    replyKind
	value   string
	version uint64 // of the value, of the write, or that a refused cas met
}

type replyKind int

const (
	replyUnknown replyKind = iota // none has come, or it is gone
	replyAbsent
	replyValue
	replyWritten
	replyRefused
	replyBroken // nothing that a key-value daemon says
)

// register is what a key holds. A write whose receipt never came has a version that nobody knows: then
// version is 0 and the value is not absent.
type register struct {
	present bool
	value   string
	version uint64
}

// fits reports whether the key can have this version.
func (r register) fits(version uint64) bool {
	if !r.present {
		return version == 0
	}
	return version != 0 && (r.version == version || r.version == 0)
}

// with is the register once its version is known.
func (r register) with(version uint64) register {
	r.version = version
	return r
}

// step returns every state in which an operation that got this reply can leave a key; none if it cannot have
// got it. Writes have unique values, so a version that is learned late is learned for the right write.
func step(s register, q question, r reply) []any {
	written := register{present: true, value: q.value, version: r.version}
	switch {
	case r.kind == replyBroken:
		return nil
	case q.name == "get":
		return stepGet(s, r)
	case q.name == "put" && (r.kind == replyWritten || r.kind == replyUnknown):
		return []any{written}
	case q.name == "cas" && r.kind == replyWritten && s.fits(q.version):
		return []any{written}
	case q.name == "cas" && r.kind == replyRefused && s.fits(r.version) && r.version != q.version:
		return []any{s.with(r.version)}
	case q.name == "cas" && r.kind == replyUnknown:
		return stepSilentCAS(s, q)
	}
	return nil
}

func stepGet(s register, r reply) []any {
	switch {
	case r.kind == replyUnknown, r.kind == replyAbsent && !s.present:
		return []any{s}
	case r.kind == replyValue && s.present && s.value == r.value && s.fits(r.version):
		return []any{s.with(r.version)}
	}
	return nil
}

// stepSilentCAS: where the version is not known either, both outcomes are possible.
func stepSilentCAS(s register, q question) []any {
	written := register{present: true, value: q.value}
	switch {
	case !s.fits(q.version):
		return []any{s}
	case s.present && s.version == 0:
		return []any{written, s}
	}
	return []any{written}
}

// kvModel checks each key by itself: linearizability is a property of the parts.
var kvModel = porcupine.NondeterministicModel{
	Partition: byKey,
	Init:      func() []any { return []any{register{}} },
	Step: func(state, input, output any) []any {
		return step(state.(register), input.(question), output.(reply))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

func byKey(ops []porcupine.Operation) [][]porcupine.Operation {
	place := make(map[string]int)
	var parts [][]porcupine.Operation
	for _, op := range ops {
		key := op.Input.(question).key
		i, known := place[key]
		if !known {
			i = len(parts)
			place[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

// parseQuestion reads a command that this program made.
func parseQuestion(command string) question {
	word := strings.SplitN(command, " ", 4)
	q := question{name: word[0], key: word[1]}
	switch q.name {
	case "put":
		q.value = word[2]
	case "cas":
		q.version, _ = number(word[2]) // written by this program
		q.value = word[3]
	}
	return q
}

// parseReply reads what the daemon said, whatever it is.
func parseReply(op *operation) reply {
	if !op.acknowledged() || op.NoOutput {
		return reply{}
	}
	word := strings.SplitN(op.Output, " ", 4)
	r, known := reply{kind: replyBroken}, false
	switch {
	case op.Output == "absent":
		return reply{kind: replyAbsent}
	case word[0] == "ok" && len(word) == 2:
		r.version, known = number(word[1])
		r.kind = replyWritten
	case word[0] == "value" && len(word) == 3:
		r.version, known = number(word[1])
		r.kind, r.value = replyValue, word[2]
	case word[0] == "refused:" && len(word) == 4 && word[1] == "version":
		r.version, known = number(strings.TrimSuffix(word[2], ","))
		r.kind = replyRefused
	}
	if !known {
		return reply{kind: replyBroken}
	}
	return r
}

// linearizable returns nil if there is an order of the operations that explains every reply and in which none
// takes effect before it was called or after it returned.
func linearizable(ops []operation) error {
	var list []porcupine.Operation
	for i := range ops {
		op := &ops[i]
		q, r := parseQuestion(op.Command), parseReply(op)
		if q.name == "get" && r.kind == replyUnknown {
			continue // it changes nothing and says nothing
		}
		list = append(list, porcupine.Operation{ClientId: i, Input: q, Call: op.Call, Output: r, Return: op.Return})
	}
	switch result := porcupine.CheckOperationsTimeout(kvModel.ToModel(), list, checkLimit); result {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("the history of %d operations is not linearizable", len(list))
	default:
		return fmt.Errorf("no verdict on %d operations within %v", len(list), checkLimit)
	}
}
