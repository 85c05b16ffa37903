#!/bin/sh
# Compares the benchmarks of the working tree with those of another commit: scripts/bench-compare.sh REF.
#
#   BENCH=.      which benchmarks, a regular expression
#   COUNT=8      how often each is run in each tree; the two trees take turns
#   TIME=200ms   how long each run is
#   PACKAGES     which packages, ./... by default
set -eu
ref=${1:?"usage: scripts/bench-compare.sh REF"}
bench=${BENCH:-.}
count=${COUNT:-8}
time=${TIME:-200ms}
packages=${PACKAGES:-./...}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# An export instead of a worktree: nothing has to be undone in the repository if this is interrupted.
mkdir "$work/old"
git -C "$root" archive "$ref" | tar -x -C "$work/old"

# In turns, so that a slow minute of the machine meets both.
round=0
while [ "$round" -lt "$count" ]; do
	# shellcheck disable=SC2086 # packages is a list
	(cd "$work/old" && go test -run '^$' -bench "$bench" -benchtime "$time" -benchmem $packages) >>"$work/old.txt"
	# shellcheck disable=SC2086
	(cd "$root" && go test -run '^$' -bench "$bench" -benchtime "$time" -benchmem $packages) >>"$work/new.txt"
	round=$((round + 1))
done
cd "$root/bench"
go tool benchstat "$ref=$work/old.txt" "tree=$work/new.txt"
