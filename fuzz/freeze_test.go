package fuzz

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory/conformance"
)

// FuzzFreeze: a certificate that parses encodes to the bytes it was read from and is the genuine one, and with any
// other acceptance than the genuine one it becomes no entry. The entry that the two become is a handover.
func FuzzFreeze(f *testing.F) {
	d := conformance.NewDaemon(f, 1)
	claim := d.Move(1)
	signer := d.Key(1).Public()
	cert := crypto.AppendFreezeCert(nil, claim.Cert)
	genuine, err := crypto.SignAcceptance(d.Key(2), claim.Cert)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cert, genuine[:])
	f.Add(cert, make([]byte, len(genuine)))
	f.Add(cert[:len(cert)-1], []byte{})
	f.Fuzz(func(t *testing.T, b, accepted []byte) {
		got, err := parseFreezeCert(b, signer)
		if err != nil {
			known := []error{codec.ErrTruncated, codec.ErrTrailing, crypto.ErrBadHandover, crypto.ErrBadSignature, crypto.ErrWeakKey}
			if !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
				t.Fatalf("unknown error: %v", err)
			}
			got = claim.Cert // so that the acceptance is tried in any case
		} else if !bytes.Equal(crypto.AppendFreezeCert(nil, got), b) || !bytes.Equal(b, cert) {
			t.Fatalf("%x was never signed", b)
		}
		var acceptance crypto.Signature
		copy(acceptance[:], accepted)
		entry, _, err := crypto.Decide(got, acceptance)
		switch {
		case err == nil && acceptance != genuine:
			t.Fatalf("%x accepts", acceptance)
		case err != nil && !errors.Is(err, crypto.ErrBadSignature):
			t.Fatalf("unknown error: %v", err)
		case err == nil:
			if _, err := crypto.ParseHandover(entry, signer); err != nil {
				t.Fatalf("what was decided is no handover: %v", err)
			}
			if _, err := crypto.ParseDecided(entry, got); err != nil {
				t.Fatalf("the entry is not the certificate's: %v", err)
			}
		}
	})
}

// parseFreezeCert reads a certificate that is the whole of b and verifies it.
func parseFreezeCert(b []byte, signer crypto.PublicKey) (crypto.FreezeCert, error) {
	c := codec.NewCursor(b)
	cert := crypto.DecodeFreezeCert(&c)
	if err := c.Finish(); err != nil {
		return cert, err
	}
	return cert, cert.Verify(signer)
}
