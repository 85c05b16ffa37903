//go:build !race

package attack

// raceFactor is by how much the race detector inflates memory and slows down what is counted in the hundred thousands.
const raceFactor = 1
