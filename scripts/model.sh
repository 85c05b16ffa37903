#!/bin/sh
# Checks the models of docs/model with Spin: every state within the bounds, and every planted mistake.
#
#   scripts/model.sh [short|full]
#
# What each takes is in docs/model/README.md. One line a run:
# model, bounds, states, result, seconds. The exit code is 1 if a model has an error or a planted mistake was
# not found, and 2 if Spin or a C compiler is missing and cannot be installed. KEEP=1 keeps the folder of the
# last failed run, with the trail that "spin -t" replays.
set -eu
mode=${1:-short}
case $mode in short | full) ;; *) echo "usage: $0 [short|full]" >&2; exit 2 ;; esac
models=$(cd "$(dirname "$0")/../docs/model" && pwd)
work=$(mktemp -d)
failed=0
trap '[ -n "${KEEP:-}" ] && [ "$failed" -gt 0 ] && echo "kept: $work" || rm -rf "$work"' EXIT
passed=0

need() {
	command -v "$1" >/dev/null 2>&1 && return
	echo "$1 is not installed; trying: apt-get install -y $1"
	if ! { apt-get update && apt-get install -y "$1"; } >"$work/apt.log" 2>&1; then
		tail -n 5 "$work/apt.log" >&2
		echo "model: $1 is needed and could not be installed. Install it as root and run this again (Debian: apt-get install $1)." >&2
		exit 2
	fi
}

# build MODEL SPINFLAGS CFLAGS: leaves $work/pan.
build() {
	rm -f "$work"/pan* "$work"/*.trail
	cp "$models/$1.pml" "$work/"
	# shellcheck disable=SC2086 # the flags are words
	(cd "$work" && spin -a $2 "$1.pml" && cc -w $3 -DMEMLIM=7800 -o pan pan.c) >"$work/build.log" 2>&1
}

# check KIND MODEL FLAGS: KIND says what must come out.
#   clean     no error in any state
#   ends      no cycle: every run comes to an end, so that the outcomes which "clean" checks there are liveness
#   found     a planted mistake, which must be found
#   harmless  a planted mistake that another rule makes up for, which must not be found
#   reached   a claim that something never happens, which must be refuted
check() {
	kind=$1 model=$2 flags=$3
	case $kind in
	ends) cflags="$optimize -DNP" args="-l -w22" ;;
	found | reached) cflags="-O0 -DSAFETY" args="-w20" ;;
	*) cflags="$optimize -DSAFETY" args="-w$hash" ;;
	esac
	from=$(date +%s.%N)
	: >"$work/out"
	# shellcheck disable=SC2086
	if build "$model" "$flags" "$cflags"; then
		(cd "$work" && nice -n 15 ./pan -m100000 $args) >"$work/out" 2>&1 || :
	else
		cat "$work/build.log"
	fi
	verdict "$kind"
	printf '%-10s %-52s %10s states  %-26s %6.1f s\n' "$model" "$flags" "$states" "$result" \
		"$(echo "$(date +%s.%N) $from" | awk '{print $1 - $2}')"
}

# verdict KIND: reads what the verifier said. A search that was cut short has shown nothing; the verifier ends it like any other
# and says so in words, as it does after an error that it was to find.
verdict() {
	states=$(awk '/states, stored/ { print $1 }' "$work/out")
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/out")
	states=${states:-0} errors=${errors:-none}
	cut=no
	grep -q -e 'out of memory' -e 'MEMLIM bound' -e 'max search depth too small' -e 'Search not completed' "$work/out" && cut=yes
	good=no
	by=
	grep -q 'assertion violated' "$work/out" && by=claim # not by an error of the model itself
	case $1:$errors:$cut:$by in
	clean:0:no:) result="ok: no error" good=yes ;;
	ends:0:no:) result="ok: every run ends" good=yes ;;
	harmless:0:no:) result="ok: harmless, as explained" good=yes ;;
	found:[1-9]*:claim) result="ok: found" good=yes ;;
	reached:[1-9]*:claim) result="ok: reached" good=yes ;;
	clean:[1-9]* | ends:[1-9]* | harmless:[1-9]*) result="FAILED: $errors error" ;;
	*:*:yes:*) result="FAILED: not completed" ;;
	*:none:*) result="FAILED: did not run" ;;
	found:*) result="FAILED: not found" ;;
	reached:*) result="FAILED: never reached" ;;
	*) result="FAILED: $errors error" ;;
	esac
	if [ $good = yes ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	grep -e 'pan:1' -e rror "$work/out" || :
}

planted() { # planted MODEL FLAGS NAME...
	where=$1 with=$2
	shift 2
	for name in "$@"; do check found "$where" "${with:+$with }-DBUG=$name"; done
}

short_runs() {
	hash=22 optimize=-O1
	check clean cutover "-DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DEARLY -DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DONEWAY -DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DCLIENT -DEV=2 -DAT=2 -DCR=1 -DLS=1 -DDR=0"
	check clean directory "-DEV=1 -DAT=2 -DCR=1 -DLS=1"
	check clean directory "-DGONE -DEV=1 -DAT=2 -DCR=1 -DLS=0"
	check clean directory "-DANYONE -DEV=1 -DAT=2 -DCR=1 -DLS=0"
	check clean standby "-DEV=5 -DCR=2"
	check clean comeback "-DST=4 -DEV=2 -DAT=2 -DCR=1"
	check ends cutover "-DEV=2 -DAT=2 -DCR=1 -DLS=0"
	check ends cutover "-DEARLY -DEV=2 -DAT=2 -DCR=1 -DLS=0"
	check ends cutover "-DONEWAY -DEV=2 -DAT=2 -DCR=1 -DLS=0"
	check ends cutover "-DCLIENT -DEV=2 -DAT=2 -DCR=1 -DLS=0 -DDR=0"
	check ends directory "-DEV=1 -DAT=2 -DCR=1 -DLS=0"
	check ends directory "-DGONE -DEV=1 -DAT=2 -DCR=1 -DLS=0"
	check ends standby "-DEV=5 -DCR=2"
	check ends comeback "-DST=4 -DEV=2 -DAT=2 -DCR=1"
}

full_runs() {
	hash=26 optimize="-O2 -DCOLLAPSE"
	check clean cutover "-DEV=3 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DEV=2 -DAT=3 -DCR=2 -DLS=1"
	check clean cutover "-DONEWAY -DEV=3 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DONEWAY -DEV=3 -DAT=3 -DCR=2 -DLS=1"
	check clean cutover "-DCLIENT -DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check clean cutover "-DCLIENT -DEV=2 -DAT=3 -DCR=1 -DLS=1"
	check clean directory "-DEV=1 -DAT=2 -DCR=2 -DLS=1"
	check clean directory "-DEV=2 -DAT=2 -DCR=1 -DLS=1"
	check clean directory "-DEV=1 -DAT=3 -DCR=1 -DLS=0"
	check clean directory "-DGONE -DEV=1 -DAT=2 -DCR=1 -DLS=1"
	check clean directory "-DANYONE -DEV=1 -DAT=2 -DCR=1 -DLS=1"
	check clean standby "-DEV=12 -DCR=6"
	check clean comeback "-DST=5 -DEV=3 -DAT=3 -DCR=2"
	check ends cutover "-DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check ends cutover "-DONEWAY -DEV=2 -DAT=2 -DCR=2 -DLS=1"
	check ends cutover "-DCLIENT -DEV=2 -DAT=2 -DCR=1 -DLS=1"
	check ends directory "-DEV=1 -DAT=2 -DCR=1 -DLS=1"
	check ends standby "-DEV=8 -DCR=3"
	check ends comeback "-DST=5 -DEV=2 -DAT=2 -DCR=1"
	hash=24
	check harmless cutover "-DBUG=source_ignores_head"
	check harmless cutover "-DBUG=target_ignores_head"
	check harmless cutover "-DBUG=ship_unsynced"
	check harmless cutover "-DCLIENT -DCR=1 -DBUG=serve_after_write"
	check harmless directory "-DBUG=report_before_hold"
	check harmless directory "-DBUG=hold_unchecked"
}

need spin
command -v cc >/dev/null 2>&1 || need gcc
"${mode}_runs"
for what in MOVED "ALL_SPENT*MOVED" "ALL_SPENT*STAYED"; do
	check reached cutover "-DREACH=$what"
	check reached directory "-DREACH=$what"
done
check reached cutover "-DEARLY -DREACH=ALL_SPENT*MOVED"
check reached cutover "-DONEWAY -DREACH=ALL_SPENT*MOVED"
check reached cutover "-DCLIENT -DREACH=tTimes*receipt"
check reached directory "-DGONE -DREACH=OUTLIVED"
check reached standby "-DREACH=MOVED"
check reached comeback "-DREACH=MOVED"
planted cutover "" hold_unsynced commit_unreported old_report heads_ignored activate_on_timeout hold_cleared_early \
	drop_hold_on_timeout thaw_after_commit activate_before_sync source_opens_unsynced target_opens_unsynced \
	ship_unsynced_unchecked boot_reused answer_voids_any answer_live_attempt old_abort_obeyed hold_lowered \
	void_final_obeyed client_ack_unsynced retire_before_ack ack_unsynced fail_after_commit held_copy_restarted
planted cutover "-DEARLY" old_report lower_report commit_unreported hold_unsynced answer_live_attempt arm_outlives_abort \
	arm_outlives_restart
planted cutover "-DONEWAY" lower_report report_unsynced arm_outlives_abort arm_outlives_restart
planted cutover "-DCLIENT" forward_twice table_left_behind
planted directory "" cert_before_promise abort_after_promise unclear_is_abort restart_forgets_promise \
	source_obeys_old_abort promise_replaced freeze_unlisted retire_before_entry retire_unsynced hold_unsynced \
	accept_before_commit activate_on_certificate drop_hold_on_timeout undecided_is_abort target_obeys_old_abort \
	hold_lowered hold_cleared_early ack_unsynced blind_put commit_unguarded answer_unsynced
planted directory "-DANYONE" report_before_hold
planted directory "-DGONE" old_cert_kept
planted standby "" lease_only fence_after_read fence_in_memory fence_ignored serve_without_directory append_unsynced
planted comeback "" old_handover_accepted old_ack_accepted old_abort_accepted old_report_accepted \
	retirement_hits_next old_stay_reopened ack_from_copy
echo "model: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
