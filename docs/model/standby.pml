/* Failover to a synchronous standby, without the holder: a design, not part of the code. The holder acknowledges
 * an entry only when the standby has it durably under the holder's epoch. To take over, the standby wins the
 * next epoch at the directory, makes its fence durable (it refuses appends of lower epochs from then on), and
 * only then reads how long its log is. No clock is asked: the holder may believe in its lease for ever.
 *
 * A message is a flag that says "was sent"; app[i] is the append of entry i at epoch 1, got[i] its answer.
 * Bounds: EV entries, CR crashes of the standby. Every run ends. */
#ifndef EV
#define EV 5
#endif
#ifndef CR
#define CR 2
#endif
#ifndef BUG
#define BUG none
#endif
#ifndef REACH
#define REACH false
#endif
mtype = { none, lease_only, fence_after_read, fence_in_memory, fence_ignored, serve_without_directory, append_unsynced };
#define IS(b) (BUG == b)
#define NOTHING 255

byte hN, hAck;                 /* the holder's entries, and how many it has acknowledged */
bool believes = true;          /* the holder has not heard of the next epoch */
bool app[EV + 2], got[EV + 2];
byte bN, bD;                   /* the standby's entries: written, durable */
byte fence = 1, fenceD = 1;    /* the lowest epoch whose appends it takes: in use, durable */
byte read = NOTHING;           /* how long it found its log when it took over */
bool bUp = true, serves;
byte epoch = 1, cr;            /* the directory's row; crashes */

active proctype Holder() {
end: do
  :: atomic { believes && hN < EV -> hN++; app[hN] = true }
  :: atomic { believes && hAck < hN && (got[hAck + 1] || IS(lease_only)) -> hAck++ }
  :: atomic { believes && epoch == 2 -> believes = false } /* arbitrarily late, or never */
  od }

active proctype Standby() {
end: do
  :: atomic { bUp && !serves && bN < EV && app[bN + 1] && (fence == 1 || IS(fence_ignored)) -> bN++; if :: IS(append_unsynced) -> got[bN] = true :: else fi }
  :: atomic { bUp && bD < bN -> bD++; got[bD] = true }
  /* the fence, durable, then the read */
  :: atomic { bUp && fence == 1 && (epoch == 2 || IS(serve_without_directory)) && (!IS(fence_after_read) || read != NOTHING) -> fence = 2 }
  :: atomic { bUp && fence == 2 && fenceD == 1 && !IS(fence_in_memory) -> fenceD = 2; bD = bN }
  :: atomic { bUp && read == NOTHING && (epoch == 2 || IS(serve_without_directory)) && (fenceD == 2 && bD == bN || IS(fence_after_read) || IS(fence_in_memory) && fence == 2) -> read = bN }
  :: atomic { bUp && !serves && read != NOTHING && fence == 2 && (fenceD == 2 || IS(fence_in_memory)) -> serves = true }
  /* power failure: what is not durable is gone. What it read is written down with the takeover. */
  :: atomic { bUp && cr < CR && !serves -> cr++; bUp = false; fence = fenceD; do :: bN > bD -> bN-- :: break od;
       if :: fenceD == 1 && !IS(fence_in_memory) -> read = NOTHING :: else fi }
  :: atomic { !bUp -> bUp = true; bD = bN }
  od }

active proctype Directory() { end: atomic { epoch == 1 -> epoch = 2 } }

/* Nothing acknowledged is missing from the log the standby serves, now or later. */
#define KEPT (!serves || hAck <= read)
#define ONE (!serves || epoch == 2)
#define MOVED serves

active proctype Monitor() {
end: do
  :: atomic { REACH -> assert(false) }
  :: atomic { !KEPT -> assert(KEPT) }
  :: atomic { !ONE -> assert(ONE) }
  :: atomic { timeout -> assert(serves); break }
  od;
progress_quiet: end_quiet: false }
