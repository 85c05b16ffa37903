package wire

import "fmt"

// What operators and programs say about themselves goes into frames later, at a moment when a refusal helps
// nobody: a frame that its reader must refuse is sent again and again. Whoever takes such a thing checks it first.

// CheckSubmission reports why an event cannot be submitted under a producer's label, wherever the daemon is:
// ErrTooLarge for a payload of more than MaxPayload bytes, and what CheckLabel says of the label.
func CheckSubmission(label string, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("wire: the event has %d bytes, at most %d are allowed: %w", len(payload), MaxPayload, ErrTooLarge)
	}
	return CheckLabel(label)
}

// CheckLabel reports why a producer cannot have a label: ErrTooLarge for more than MaxLabel bytes, ErrBadFrame
// for control characters and what is not UTF-8.
func CheckLabel(label string) error {
	if err := checkText(label, MaxLabel); err != nil {
		return fmt.Errorf("wire: the producer's label %q: %w", label, err)
	}
	return nil
}

// CheckName reports why a node or a daemon cannot be called so: ErrTooLarge for more than MaxName bytes, ErrBadFrame
// for control characters and what is not UTF-8.
func CheckName(name string) error {
	if err := checkText(name, MaxName); err != nil {
		return fmt.Errorf("wire: the name %q: %w", name, err)
	}
	return nil
}

// CheckAddrs reports why nobody can be told that a node is dialed at these addresses: ErrTooLarge for more than
// MaxAddrs of them or more than MaxAddr bytes in one, ErrBadFrame for one that is empty or cannot be printed.
func CheckAddrs(addrs []string) error {
	if len(addrs) > MaxAddrs {
		return fmt.Errorf("wire: %d addresses, at most %d are allowed: %w", len(addrs), MaxAddrs, ErrTooLarge)
	}
	for _, a := range addrs {
		if err := checkText(a, MaxAddr); err != nil {
			return fmt.Errorf("wire: the address %q: %w", a, err)
		}
		if a == "" {
			return fmt.Errorf("wire: an address is empty: %w", ErrBadFrame)
		}
	}
	return nil
}

// checkText is what parseText will say of it.
func checkText(s string, max int) error {
	if len(s) > max {
		return fmt.Errorf("%d bytes, at most %d are allowed: %w", len(s), max, ErrTooLarge)
	}
	if !printable(s) {
		return fmt.Errorf("a control character, or not UTF-8: %w", ErrBadFrame)
	}
	return nil
}
