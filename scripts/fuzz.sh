#!/bin/sh
# Runs every fuzz target of ./fuzz for FUZZTIME each, and stops at the first finding.
set -eu
for target in $(go test -list '^Fuzz' ./fuzz | grep '^Fuzz'); do
	echo "-- $target"
	go test ./fuzz -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-3s}" -fuzzminimizetime 1s
done
