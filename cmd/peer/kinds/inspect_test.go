package kinds

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/daemon"
)

// ask inspects a daemon and returns its answer.
func ask(t *testing.T, d daemon.Daemon, query string) string {
	t.Helper()
	out, err := d.(daemon.Inspector).Inspect([]byte(query))
	if err != nil {
		t.Fatalf("%q: %v", query, err)
	}
	return string(out)
}

func TestInspectKV(t *testing.T) {
	s := NewKV()
	f := feed(t, s)
	f.send("put a hello")
	f.send("put ab \xff")
	f.send("put b x")
	for query, want := range map[string]string{
		"":       `{"keys":3,"bytes":53}`,
		"count":  `{"keys":3,"bytes":53}`,
		"get a":  `{"key":"a","found":true,"version":1,"value":"hello"}`,
		"get ab": `{"key":"ab","found":true,"version":2,"value":"` + "\uFFFD" + `","hex":"ff"}`,
		"get c":  `{"key":"c","found":false,"version":0,"value":""}`,
		"keys":   `{"keys":["a","ab","b"],"more":false}`,
		"keys a": `{"keys":["a","ab"],"more":false}`,
		"check":  `{"ok":true}`,
	} {
		if got := ask(t, s, query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	digest := ask(t, s, "digest")
	f.send("put b y")
	if again := ask(t, s, "digest"); again == digest || len(digest) != len(`{"digest":""}`)+64 {
		t.Errorf("digests %s and %s", digest, again)
	}
}

func TestInspectKVListsABoundedNumber(t *testing.T) {
	s := NewKV()
	f := feed(t, s)
	for i := range maxKeys + 1 {
		f.send(strings.Replace("put k# v", "#", string(rune('A'+i%26))+strings.Repeat("x", i/26), 1))
	}
	var got kvKeys
	if err := json.Unmarshal([]byte(ask(t, s, "keys k")), &got); err != nil || len(got.Keys) != maxKeys || !got.More {
		t.Errorf("%d keys, more %v, %v", len(got.Keys), got.More, err)
	}
}

func TestInspectLedger(t *testing.T) {
	l := NewLedger()
	defer l.Close()
	f := feed(t, l)
	if got := ask(t, l, "accounts") + ask(t, l, "sum") + ask(t, l, "check"); !strings.HasPrefix(got, `{"accounts":0,`) {
		t.Error(got)
	}
	f.send("open 256 100")
	f.send("transfer 0 3 30")
	for query, want := range map[string]string{
		"":          `{"accounts":4,"opening_balance":100,"bytes":256,"transfers":1}`,
		"sum":       `{"sum":400,"opening":400}`,
		"account 3": `{"account":3,"balance":130,"sent":0,"received":1,"last":2,"reference":"`,
		"check":     `{"ok":true}`,
	} {
		if got := ask(t, l, query); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"account", "account 4", "account x", "account -1"} {
		_, err := l.Inspect([]byte(query))
		mustFail(t, err, ErrQuery, query)
	}
}

func TestInspectWordCount(t *testing.T) {
	w := NewWordCount()
	feed(t, w).send("a b a\nc ")
	for query, want := range map[string]string{
		"":      `{"lines":1,"words":4,"bytes":8,"top":[{"word":"a","count":2,"excess":0},{"word":"c","count":1,"excess":0},{"word":"b","count":1,"excess":0}]}`,
		"top":   `{"words_ended":4,"bound":0,"top":[{"word":"a",`,
		"top 1": `{"words_ended":4,"bound":0,"top":[{"word":"a","count":2,"excess":0}]}`,
		"check": `{"ok":true}`,
	} {
		if got := ask(t, w, query); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	if got := ask(t, w, "top 18446744073709551615"); !strings.Contains(got, `"b"`) {
		t.Error(got)
	}
}

// The audit can be asked of every kind, and what leaves as JSON compares clean.
func TestInspectAudit(t *testing.T) {
	for _, name := range Names() {
		f, d := sample(t, name)
		id := f.p.String()
		if got, want := ask(t, d, "audit"), `{"producers":["`+id+`"],"overflow":0}`; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		var r Report
		if err := json.Unmarshal([]byte(ask(t, d, "audit "+id)), &r); err != nil {
			t.Fatal(err)
		}
		if v := Compare(&f.trail, r); !v.Clean() || r.Applied != f.seq {
			t.Errorf("%s: %+v of %d", name, v, r.Applied)
		}
		if got := ask(t, d, "audit "+strings.Repeat("00", 32)); !strings.Contains(got, `"applied":0,`) {
			t.Errorf("%s: unknown producer: %s", name, got)
		}
	}
}

func TestInspectUnknownQueries(t *testing.T) {
	for _, name := range Names() {
		d := fresh(t, name)
		for _, query := range []string{"x", "count 1", "check 1", "audit 12", "audit zz", "top -1", "get", "sum 1", "accounts 1", "digest 1"} {
			_, err := d.(daemon.Inspector).Inspect([]byte(query))
			mustFail(t, err, ErrQuery, name+" "+query)
		}
	}
}
