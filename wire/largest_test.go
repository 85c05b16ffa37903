package wire

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// TestD3_TheLargestOfEachFits: what a reader lets through is put into other messages later, with more fields around it: addresses of a
// Hello into TakeSnapshot, Moved and DirectoryEntry, a handover into Answer and Moved, submissions of a Submit into a Forward, a text
// into whatever refuses something. So every message must have room for the largest of each, since one that has not ends the process.
func TestD3_TheLargestOfEachFits(t *testing.T) {
	for _, g := range vectors() {
		t.Run(g.msg.Type().String(), func(t *testing.T) {
			enlarge(t, reflect.ValueOf(g.msg).Elem(), "")
			decodeFrame(t, AppendFrame(nil, g.msg))
		})
	}
}

// textLimits are the limits of the texts, by the names of their fields.
var textLimits = map[string]int{"Kind": MaxKind, "Name": MaxName, "Label": MaxLabel, "Detail": MaxDetail}

// enlarge makes everything in a message as large as a reader allows it to be. The messages of the vectors leave nothing out.
func enlarge(t *testing.T, v reflect.Value, name string) {
	switch field := v.Addr().Interface().(type) {
	case *string:
		if textLimits[name] == 0 {
			t.Fatalf("no limit is known for %s", name)
		}
		*field = strings.Repeat("x", textLimits[name])
	case *time.Time:
	case *[]string:
		*field = slices.Repeat([]string{strings.Repeat("a", MaxAddr)}, MaxAddrs)
	case *[]VersionRange:
		*field = nil
		for sub := range MaxVersions {
			*field = append(*field, VersionRange{Subprotocol: Subprotocol(sub)})
		}
	case *[]Submission:
		*field = largestSubmissions()
	case *[]ReceiptItem:
		*field = largestReceipts()
	case *[]crypto.CausalEvent:
		*field = largestEvents()
	case *[]byte:
		*field = make([]byte, map[string]int{"Data": MaxChunk, "Payload": crypto.MaxHandoverSize}[name])
	default:
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct || f.Kind() == reflect.Slice || f.Kind() == reflect.String {
				enlarge(t, f, v.Type().Field(i).Name)
			}
		}
	}
}

// largestSubmissions fill the room that is for them, with as many as there can be.
func largestSubmissions() []Submission {
	items := make([]Submission, MaxBatch)
	items[0].Payload = make([]byte, MaxPayload)
	rest := SubmitRoom - SubmissionsLen(items)
	items[1].Payload = make([]byte, rest-2) // its length takes three bytes instead of one
	return items
}

func largestReceipts() []ReceiptItem {
	items := make([]ReceiptItem, MaxBatch)
	items[0].Outputs = [][]byte{make([]byte, MaxOutputs)}
	rest := ReceiptRoom
	for i := range items {
		rest -= ReceiptLen(&items[i])
	}
	items[1].Outputs = [][]byte{make([]byte, rest-3)}
	return items
}

func largestEvents() []crypto.CausalEvent {
	events := slices.Repeat([]crypto.CausalEvent{{Kind: crypto.EventInput}}, MaxBatch)
	events[0].Payload = make([]byte, MaxPayload)
	rest := MaxBatchBytes - RefSize - 1 // for events, after their count
	for i := range events {
		rest -= events[i].EncodedLen()
	}
	events[1].Payload = make([]byte, rest-2)
	return events
}

// TestSubmissionsOfAFrameFitAForward: a source passes what it held on in frames of the same items. The room of a Submit leaves that
// of a Forward, whatever the label, and what has come in a Forward fits into another.
func TestSubmissionsOfAFrameFitAForward(t *testing.T) {
	items := largestSubmissions()
	if got := SubmissionsLen(items); got != SubmitRoom {
		t.Fatalf("the items take %d bytes, the room is %d", got, SubmitRoom)
	}
	label := strings.Repeat("l", MaxLabel)
	around := max(len(bodyOf(&Submit{Label: label})), len(bodyOf(&Forward{})))
	if SubmitRoom+around > MaxBatchBytes {
		t.Errorf("%d bytes of items and %d around them are more than %d", SubmitRoom, around, MaxBatchBytes)
	}
}
