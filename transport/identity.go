package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// protocolName is the only application protocol that is offered or taken.
const protocolName = "ferry/1"

// selfSigned makes the certificate that carries the node's key. It says nothing
// else: no name, and no dates, because what a peer trusts is the key and no
// clock is to decide about that.
func selfSigned(key *crypto.NodeKeypair) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0).UTC(),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 §4.1.2.5: does not expire
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: make the node's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// tlsConfig is the part that both directions share. crypto/tls is told not to
// judge certificates; verify, run as VerifyConnection, judges them instead.
// VerifyPeerCertificate would not do: it is not run for resumed sessions. None
// can be resumed here, but the check must not depend on that.
func tlsConfig(cert tls.Certificate, verify func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocolName},
		Certificates:           []tls.Certificate{cert},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		VerifyConnection:       verify,
	}
}

// identify returns the node behind a connection: the key that its side proved
// in this very handshake.
func identify(state tls.ConnectionState) (crypto.NodeID, error) {
	switch {
	case state.Version != tls.VersionTLS13:
		return crypto.NodeID{}, fmt.Errorf("%w: not TLS 1.3", ErrBadIdentity)
	case state.NegotiatedProtocol != protocolName:
		return crypto.NodeID{}, fmt.Errorf("%w: it does not speak %s", ErrBadIdentity, protocolName)
	case state.DidResume:
		return crypto.NodeID{}, fmt.Errorf("%w: the session was resumed", ErrBadIdentity)
	case len(state.PeerCertificates) != 1:
		return crypto.NodeID{}, fmt.Errorf("%w: %d certificates instead of one", ErrBadIdentity, len(state.PeerCertificates))
	}
	return nodeOf(state.PeerCertificates[0])
}

// nodeOf returns the node that a certificate speaks for.
func nodeOf(cert *x509.Certificate) (id crypto.NodeID, err error) {
	key, ok := cert.PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != len(id) {
		return id, fmt.Errorf("%w: the key is not ed25519", ErrBadIdentity)
	}
	copy(id[:], key)
	// A key of small order has signatures that fit every message, so a proof
	// made with it proves nothing.
	if err := crypto.CheckPublicKey(id); err != nil {
		return crypto.NodeID{}, fmt.Errorf("%w: %w", ErrBadIdentity, err)
	}
	// The handshake has proved the key; this proves that nobody else put the key
	// into a certificate of his.
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return crypto.NodeID{}, fmt.Errorf("%w: the certificate is not self-signed", ErrBadIdentity)
	}
	return id, nil
}

// serverTLS accepts any node with a proper identity; whether it may stay is
// decided after the handshake, so that it can be told.
func serverTLS(cert tls.Certificate) *tls.Config {
	return tlsConfig(cert, func(state tls.ConnectionState) error {
		_, err := identify(state)
		return err
	})
}

// clientTLS accepts one node only.
func clientTLS(cert tls.Certificate, want crypto.NodeID) *tls.Config {
	return tlsConfig(cert, func(state tls.ConnectionState) error {
		got, err := identify(state)
		if err == nil && got != want {
			err = &WrongNodeError{Want: want, Got: got}
		}
		return err
	})
}
