package ferry_test

import (
	"go/build"
	"path"
	"testing"
)

// TestNoFileForOneArchitecture: nothing here depends on the processor, but the end of a file's name can say so by accident: what
// is in x_arm_test.go is built, and run, nowhere else.
func TestNoFileForOneArchitecture(t *testing.T) {
	builds := func(f *file, arch string) bool {
		ctx := build.Default
		ctx.GOARCH = arch
		ok, err := ctx.MatchFile(path.Dir(f.path), path.Base(f.path))
		if err != nil {
			t.Error(err)
		}
		return ok
	}
	for _, f := range files(t) {
		for _, arch := range []string{"386", "arm", "arm64", "loong64", "mips", "mips64", "ppc64", "riscv64", "s390x", "wasm"} {
			if builds(f, arch) != builds(f, "amd64") {
				t.Errorf("%s: its name makes a difference between %s and amd64", f.path, arch)
			}
		}
	}
}
