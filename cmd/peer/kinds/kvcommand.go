package kinds

import "strconv"

// What a payload should have been, for errors.
const (
	kvForms     = `"put KEY VALUE", "get KEY", "delete KEY", "incr KEY [N]" or "cas KEY VERSION VALUE"`
	keyForm     = "a KEY of 1 to 256 bytes, none of them a space or a control character"
	valueForm   = "a VALUE of at most 128 KiB"
	numberForm  = "N from -9223372036854775808 to 9223372036854775807, without leading zeros"
	versionForm = "a VERSION in decimal, 0 for absent, without leading zeros"
)

// command is one parsed payload; its slices alias it.
type command struct {
	run     func(c command, s *KV, key string, seq uint64) [][]byte
	key     []byte
	value   []byte
	number  int64
	version uint64
}

// parseKV reads one command.
func parseKV(payload []byte) (command, error) {
	name, rest, _ := cutWord(payload)
	key, arg, more := cutWord(rest)
	c := command{key: key}
	problem := ""
	switch string(name) {
	case "put":
		problem = c.parsePut(arg, more)
	case "get":
		problem = c.parseBare(command.get, more)
	case "delete":
		problem = c.parseBare(command.remove, more)
	case "incr":
		problem = c.parseIncr(arg, more)
	case "cas":
		problem = c.parseCAS(arg, more)
	default:
		problem = kvForms
	}
	if problem == "" && !validKey(key) {
		problem = keyForm
	}
	if problem != "" {
		return command{}, malformed("kv", problem, payload)
	}
	return c, nil
}

// The parse functions below fill in the rest of a command and return what is expected where
// something else was found, or nothing.

func (c *command) parsePut(arg []byte, more bool) string {
	c.run, c.value = command.put, arg
	if !more {
		return kvForms
	}
	return checkValue(arg)
}

func (c *command) parseBare(run func(command, *KV, string, uint64) [][]byte, more bool) string {
	c.run = run
	if more {
		return kvForms
	}
	return ""
}

func (c *command) parseIncr(arg []byte, more bool) string {
	c.run, c.number = command.incr, 1
	if !more {
		return ""
	}
	var ok bool
	if c.number, ok = parseInt(string(arg)); !ok {
		return numberForm
	}
	return ""
}

func (c *command) parseCAS(arg []byte, more bool) string {
	version, value, hasValue := cutWord(arg)
	c.run, c.value = command.cas, value
	if !more || !hasValue {
		return kvForms
	}
	var ok bool
	if c.version, ok = parseUint(version); !ok {
		return versionForm
	}
	return checkValue(value)
}

func checkValue(v []byte) string {
	if len(v) > MaxValue {
		return valueForm
	}
	return ""
}

// validKey keeps keys printable on one line and apart from what follows them.
func validKey(key []byte) bool {
	for _, b := range key {
		if b <= ' ' || b == 0x7f {
			return false
		}
	}
	return len(key) > 0 && len(key) <= MaxKey
}

// parseInt reads a number in the one form that incr writes.
func parseInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}
