//go:build mutants

package mutants_test

// panics are mistakes by which a peer ends somebody else's process: what it says is read, kept, and has no room or no place in
// what is made of it later. They were found by reading.
var panics = []mutation{
	{name: "submit-beyond-forward", broken: "a batch is held that no Forward has room for", promise: "P6", pkg: "node", tests: "TestP6_WhatIsHeldFitsIntoItsForward",
		edits: []edit{{"node/serving.go", "	case wire.SubmissionsLen(msg.Items) > wire.SubmitRoom:", "	case wire.SubmissionsLen(msg.Items) > 99*wire.SubmitRoom:"}}},
	{name: "handover-beyond-answer", broken: "an orchestrator keeps a handover that no Answer has room for", promise: "P6", pkg: "node", tests: "TestP6_LongHandoverIsNotSaidAgain",
		edits: []edit{{"wire/message.go", "	case len(ev.Payload) > crypto.MaxHandoverSize:", "	case len(ev.Payload) > 99*crypto.MaxHandoverSize:"}}},
	{name: "refusal-behind-the-batch", broken: "an answer refuses the item behind the last of a batch (two checks)", promise: "P6", pkg: "node", tests: "TestS3_AnswerThatRefusesNothing",
		edits: []edit{
			{"source/held.go", "(msg.Reason == 0 && len(msg.Items) == len(s.Items) ||", "(len(msg.Items) == len(s.Items) ||"},
			{"node/answer.go", "	if err != nil && len(msg.Items) < len(r.forward.Items) {", "	if err != nil {"},
		}},
}
