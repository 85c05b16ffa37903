#!/bin/sh
# Runs the given make targets one after the other and ends with a summary line. All of them run even when
# one fails, so that one run shows everything that is wrong.
set -u
passed=0
failed=0
broken=""
for target in "$@"; do
	echo "== $target"
	began=$(date +%s)
	if make --no-print-directory "$target"; then
		passed=$((passed + 1))
		verdict=ok
	else
		failed=$((failed + 1))
		broken="$broken $target"
		verdict=FAILED
	fi
	echo "== $target: $verdict in $(($(date +%s) - began)) s"
done
[ -z "$broken" ] || echo "failed:$broken"
echo "check: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
