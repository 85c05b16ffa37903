#!/bin/sh
# Runs every fuzz target of ./fuzz for FUZZTIME each, and stops at the first finding.
#
# Now and then go test ends a target with "context deadline exceeded" and nothing else: its own time ran out
# while a worker was busy. That is no finding: a finding names the input that it has written to testdata.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A list that cannot be made, or has nothing in it, is no pass.
if ! go test -list '^Fuzz' ./fuzz >"$log" 2>&1 || ! targets=$(grep '^Fuzz' "$log"); then
	cat "$log"
	echo "fuzz: there is no list of targets"
	exit 1
fi
for target in $targets; do
	echo "-- $target"
	if go test ./fuzz -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-3s}" -fuzzminimizetime 1s >"$log" 2>&1; then
		tail -n 3 "$log"
		continue
	fi
	if grep -q 'context deadline exceeded' "$log" && ! grep -q -e 'Failing input written' -e panic "$log"; then
		grep '^fuzz:' "$log" | tail -n 1
		echo "-- $target: go test ran out of its own time; no finding"
		continue
	fi
	cat "$log"
	exit 1
done
