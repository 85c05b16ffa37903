// Package conformance holds a directory to its contract. A backend calls [Run] in
// a test of its own, and passes when it passes:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, func(t *testing.T) conformance.Backend { … })
//	}
package conformance
