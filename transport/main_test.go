package transport

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind: Close promises none.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
