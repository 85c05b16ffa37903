//go:build !race

package attack

// memoryFactor is by how much the race detector inflates what the system counts.
const memoryFactor = 1
