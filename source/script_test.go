package source

import (
	"testing"

	"github.com/ferrymesh/ferry/internal/script"
)

// TestScripts plays testdata/*.txt. The commands are in rig_test.go.
func TestScripts(t *testing.T) {
	script.Play(t, "testdata/*.txt", func(t *testing.T) script.Player { return newRig(t).play })
}
