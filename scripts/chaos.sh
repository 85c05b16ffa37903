#!/bin/sh
# Breaks real nodes and checks that it does not show: RUNS histories under faults, from SEED on, and then KILLS
# nodes that die in the middle of their durable steps. RUNS=0 leaves out the one, KILLS=0 the other.
#
# What failing runs leave behind, logs, histories and plans, stays in a directory that is printed at the end.
set -eu
runs=${RUNS:-20}
kills=${KILLS:-0}
seed=${SEED:-1}
root=$(cd "$(dirname "$0")/.." && pwd)
# Short, since the paths of sockets are below it.
keep=$(mktemp -d /tmp/ferry-chaos-XXXXXX)
go build -C "$root/chaos" -o "$keep/chaos" .
failed=0
if [ "$runs" -gt 0 ]; then
	go build -C "$root" -o "$keep/peer" ./cmd/peer
	"$keep/chaos" -peer "$keep/peer" -keep "$keep/runs" -runs "$runs" -seed "$seed" || failed=1
fi
if [ "$kills" -gt 0 ]; then
	# Only this program can be told to die at a step.
	go build -C "$root" -tags failpoints -o "$keep/peer-failpoints" ./cmd/peer
	"$keep/chaos" -peer "$keep/peer-failpoints" -keep "$keep/kills" -killpoints -kills "$kills" -seed "$seed" || failed=1
fi
if [ "$failed" -eq 0 ]; then
	rm -rf "$keep"
	exit 0
fi
echo "chaos: the programs, and what the failing seeds have left, are in $keep"
exit 1
