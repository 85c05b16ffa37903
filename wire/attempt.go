package wire

import "github.com/ferrymesh/ferry/crypto"

// Attempt identifies one try at a cutover (protocol.md §6.1). It is in package
// crypto because certificates, which are signed, name one.
type Attempt = crypto.Attempt
