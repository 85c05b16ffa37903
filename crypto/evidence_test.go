package crypto

// Evidence is the two signed halves of a decided handover, for whoever has them
// apart: the tests.
type Evidence struct {
	// Cert is the source's word.
	Cert FreezeCert
	// Acceptance is the target's, see SignAcceptance.
	Acceptance Signature
}

// handover returns the handover that the evidence becomes.
func (e Evidence) handover() Handover {
	h := e.Cert.Handover()
	h.Acceptance = e.Acceptance
	return h
}

// Verify checks the certificate's form and both signatures: Cert's by signer,
// the key of the epoch that would end, and the acceptance by Cert.Next. Errors
// are those of FreezeCert.Verify.
func (e Evidence) Verify(signer PublicKey) error {
	h := e.handover()
	if err := h.check(); err != nil {
		return err
	}
	return h.verify(signer)
}
