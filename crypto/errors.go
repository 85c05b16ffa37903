package crypto

import (
	"errors"
	"fmt"
)

// What can be wrong with a chain. CheckLink returns the first three inside a
// *LinkError; all are matched with errors.Is.
var (
	// ErrOrigin says that an event or head belongs to another daemon.
	ErrOrigin = errors.New("crypto: event of another origin")

	// ErrGap says that an event is not the next one: its sequence is not the
	// head's plus one.
	ErrGap = errors.New("crypto: event is not the next in sequence")

	// ErrDiverged says that two logs of one daemon differ where they must
	// agree. Retrying does not help.
	ErrDiverged = errors.New("crypto: logs have diverged")

	// ErrParent says that an event has the right sequence but commits to
	// another predecessor. It matches ErrDiverged too.
	ErrParent = fmt.Errorf("crypto: event commits to another parent: %w", ErrDiverged)

	// ErrHeadMismatch says that two heads at one sequence differ, in the log or
	// in the outputs it caused.
	ErrHeadMismatch = errors.New("crypto: heads differ")

	// ErrBadEvent says that the bytes of an event do not decode: they are cut
	// short, too long, or name an unknown kind.
	ErrBadEvent = errors.New("crypto: malformed event")

	// ErrLength says that an EventHasher was given more or fewer payload bytes
	// than the length announced to it.
	ErrLength = errors.New("crypto: payload length is not the announced one")
)

// What can be wrong with keys and signatures.
var (
	// ErrWeakKey says that 32 bytes are no acceptable ed25519 public key: a
	// point of small order, a second spelling of a point, no point at all, or
	// an all-zero seed.
	ErrWeakKey = errors.New("crypto: weak or malformed ed25519 key")

	// ErrWrongKey says that a key is not the one that was expected.
	ErrWrongKey = errors.New("crypto: not the expected key")

	// ErrCannotSign says that a key pair has no secret half: it was made by
	// PublicOnly or has been wiped.
	ErrCannotSign = errors.New("crypto: key pair has no secret half")

	// ErrBadSignature says that a signature does not verify for the key, the
	// domain and the statement.
	ErrBadSignature = errors.New("crypto: signature does not verify")

	// ErrDomain says that a signature was asked for under a domain that is not
	// in the registry.
	ErrDomain = errors.New("crypto: unknown signature domain")

	// ErrSecret is the answer to every attempt to marshal a key pair by
	// reflection. MarshalNodeKey and MarshalEntityKey are the only ways out.
	ErrSecret = errors.New("crypto: a secret key is not marshaled")
)

// What can be wrong with genesis records, handovers, passports and proofs.
var (
	// ErrBadGenesis says that a genesis record breaks a rule of its form.
	ErrBadGenesis = errors.New("crypto: invalid genesis")

	// ErrBadHandover says that a handover breaks a rule that needs no key to
	// check: its form, its place in the log, or its place in the passport.
	ErrBadHandover = errors.New("crypto: invalid handover")

	// ErrBadPassport says that a passport does not decode or does not verify.
	// What verification returns is a *PassportError and matches the cause too.
	ErrBadPassport = errors.New("crypto: invalid passport")

	// ErrPassportFull says that a passport already holds MaxHandovers.
	ErrPassportFull = errors.New("crypto: passport is full")

	// ErrNoFork says that the evidence does not show two different statements
	// signed for one epoch of one entity.
	ErrNoFork = errors.New("crypto: evidence shows no fork")
)

// What can be wrong with key files and authorized lines.
var (
	// ErrKeyFile says that a key file is not an ed25519 key in OpenSSH format,
	// or that its parts contradict each other.
	ErrKeyFile = errors.New("crypto: malformed key file")

	// ErrKeyEncrypted says that a key file is locked with a passphrase, which a
	// daemon cannot type.
	ErrKeyEncrypted = errors.New("crypto: key file has a passphrase")

	// ErrKeyExposed says that others than its owner may read a key file.
	ErrKeyExposed = errors.New("crypto: key file is accessible to others")

	// ErrAuthorizedLine says that a line is not "options ssh-ed25519 key
	// comment".
	ErrAuthorizedLine = errors.New("crypto: malformed authorized line")
)

// wrapAs returns an error that matches both class and cause, without naming
// the class twice.
func wrapAs(class, cause error) error {
	if errors.Is(cause, class) {
		return cause
	}
	return fmt.Errorf("%w: %w", class, cause)
}
