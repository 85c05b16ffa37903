/* The cutover with a third party that remembers the decision: a directory. The source gives up aborting alone
 * (Promise), and says so (FreezeCert); from then on the outcome of the attempt is what the directory's row says,
 * COMMIT or ABORT, whichever came first by compare-and-set. Anyone may drive it. The directory itself is package
 * directory; source and target as they are here follow docs/protocol.md 8.7 to 8.10, and where the two-party
 * cutover has the same step, the functions named in cutover.pml carry it out. good[] is the acceptance.
 *
 * A message is a flag that says "was sent and not lost". The logs of events are taken for durable as they are
 * written: cutover.pml is about those. Here promise, hold, row, handover and activation are written first and
 * durable later. Bounds: EV entries, AT attempts, CR crashes of each node, LS losses. Every run ends. */
#ifndef EV
#define EV 1
#endif
#ifndef AT
#define AT 2
#endif
#ifndef CR
#define CR 1
#endif
#ifndef LS
#define LS 1
#endif
#ifndef BUG
#define BUG none
#endif
#ifndef REACH
#define REACH false
#endif
mtype = { none, cert_before_promise, abort_after_promise, blind_put, drop_hold_on_timeout, answer_unsynced,
  unclear_is_abort, commit_unguarded, report_before_hold, restart_forgets_promise };
#define IS(b) (BUG == b)
#define COMMIT 1
#define ABORT 2

/* messages */
byte fin[AT + 1];   /* Final: 1 + the frozen sequence */
byte good[AT + 1];  /* ReplayComplete: 1 + the sequence */
byte cert[AT + 1];  /* FreezeCert: 1 + the sequence */
byte said[AT + 1];  /* the directory's answer, to anyone who asks */
byte over;          /* Aborted: this attempt and lower ones are void */
/* the source: entries, the last attempt, the promised attempt (written, durable), the handover */
byte sN, att, prom, promD, sHand;
bool sUp = true, sFrz, sLive, asked; /* asked: it has tried ABORT and got no answer */
/* the target: the copy, the attempt it holds for (written, durable), its activation */
byte tN, tHold, tHoldD, tAct;
bool tUp = true;
/* the directory's row: the attempt that was committed, the highest one that was aborted (written, durable), and
 * the head that was committed. code: directory.Row, Move */
byte moved, movedD, aborted, abortedD, rowN;
bool dUp = true;
byte sCr, tCr, dCr, ls;
byte puts; /* bounds the planted mistake that lets the row change for ever */

#define HOLDER (sUp && sHand == 0 && prom == 0)

active proctype Source() {
end: do
  :: atomic { HOLDER && !sFrz && sN < EV -> sN++ }
  :: atomic { HOLDER && !sFrz && att < AT -> att++; sFrz = true; sLive = true; fin[att] = sN + 1 }
  :: atomic { HOLDER && sLive && fin[att] == 0 -> fin[att] = sN + 1 }
  /* before the promise the source may end the attempt alone */
  :: atomic { HOLDER && sFrz -> sFrz = false; sLive = false; if :: over < att -> over = att :: else fi }
  :: atomic { HOLDER && !sLive && over < att -> over = att }
  /* Promise, then FreezeCert */
  :: atomic { HOLDER && sFrz && sLive && good[att] == sN + 1 -> prom = att; if :: IS(cert_before_promise) -> cert[att] = sN + 1 :: else fi }
  :: atomic { sUp && sHand == 0 && promD != prom -> promD = prom }
  :: atomic { sUp && sHand == 0 && prom > 0 && promD == prom && cert[prom] == 0 -> cert[prom] = sN + 1 }
  :: atomic { IS(unclear_is_abort) && sUp && sHand == 0 && prom > 0 && !asked && cert[prom] > 0 -> asked = true }
  /* the outcome */
  :: atomic { sUp && sHand == 0 && prom > 0 && promD == prom && (said[prom] == ABORT || IS(abort_after_promise) || asked && (moved == prom || aborted >= prom)) ->
       if :: over < prom -> over = prom :: else fi; prom = 0; sFrz = false; sLive = false; asked = false }
  :: atomic { sUp && sHand == 0 && prom > 0 && said[prom] == COMMIT -> sHand = 1 }
  :: atomic { sUp && sHand == 1 -> sHand = 2 }
  :: atomic { sUp && sCr < CR -> sCr++; sUp = false; sFrz = false; sLive = false; asked = false;
       if :: true :: prom != promD || sHand == 1 -> prom = promD; if :: sHand == 1 -> sHand = 0 :: else fi fi }
  /* a promise survives: it stays frozen and asks */
  :: atomic { !sUp -> sUp = true; if :: IS(restart_forgets_promise) && sHand == 0 -> prom = 0 :: else fi; promD = prom;
       if :: sHand == 1 -> sHand = 2 :: else fi; if :: prom > 0 && sHand == 0 -> sFrz = true :: else fi }
  od }

#define FINAL(a) \
  :: atomic { tUp && tAct == 0 && fin[a] > 0 && a > tHold && a > over && tN < fin[a] + 1 && said[a] != ABORT -> tHold = a; tN = fin[a] - 1 }
#define RELEASE(a) \
  :: atomic { tUp && tAct == 0 && tHold == a && (over >= a || said[a] == ABORT || IS(drop_hold_on_timeout) && said[a] == 0) -> tHold = 0; tN = 0 }

active proctype Target() {
end: do
  FINAL(1)
  RELEASE(1)
#if AT > 1
  FINAL(2)
  RELEASE(2)
#endif
#if AT > 2
  FINAL(3)
  RELEASE(3)
#endif
  :: atomic { tUp && tAct == 0 && tHoldD != tHold -> tHoldD = tHold }
  :: atomic { tUp && tAct == 0 && tHold > 0 && (tHoldD == tHold || IS(report_before_hold)) && good[tHold] == 0 -> good[tHold] = tN + 1 }
  /* activation: on COMMIT, for what it holds, at the head that was committed */
  :: atomic { tUp && tAct == 0 && tHold > 0 && tHoldD == tHold && said[tHold] == COMMIT && tN == rowN -> tAct = 1 }
  :: atomic { tUp && tAct == 1 -> tAct = 2; tHold = 0; tHoldD = 0 }
  :: atomic { tUp && tCr < CR -> tCr++; tUp = false;
       if :: true :: tHold != tHoldD || tAct == 1 -> tHold = tHoldD; tN = (tHold > 0 -> tN : 0); if :: tAct == 1 -> tAct = 0 :: else fi fi }
  :: atomic { !tUp -> tUp = true; tHoldD = tHold; if :: tAct == 1 -> tAct = 2; tHold = 0; tHoldD = 0 :: else fi }
  od }

/* What the directory says of an attempt. code: directory.outcome, committed */
#define OUTCOME(a) (moved == (a) -> COMMIT : (moved == 0 && (a) <= aborted -> ABORT : 0))
#define SYNCED (moved == movedD && aborted == abortedD)
/* One transaction each; whoever holds the evidence may send it: source, target, orchestrator, operator.
 * code: directory.(*Table).Claim, directory.claim, commit */
#define DECIDE(a) \
  :: atomic { dUp && cert[a] > 0 && good[a] == cert[a] && (moved == 0 && a > aborted || IS(commit_unguarded) && moved == 0) -> \
       moved = a; rowN = cert[a] - 1 } \
  :: atomic { dUp && cert[a] > 0 && moved == 0 && a > aborted -> aborted = a } \
  :: atomic { IS(blind_put) && dUp && cert[a] > 0 && moved == a && puts < 2 -> puts++; moved = 0; aborted = (a > aborted -> a : aborted) } \
  :: atomic { dUp && (SYNCED || IS(answer_unsynced)) && OUTCOME(a) > 0 && said[a] != OUTCOME(a) -> said[a] = OUTCOME(a) }

active proctype Directory() {
end: do
  DECIDE(1)
#if AT > 1
  DECIDE(2)
#endif
#if AT > 2
  DECIDE(3)
#endif
  :: atomic { dUp && !SYNCED -> movedD = moved; abortedD = aborted }
  /* it dies between write and answer: the row is there or not, and who asked reads it back. code: directory.(*Table).Outcome */
  :: atomic { dUp && dCr < CR -> dCr++; dUp = false; if :: true :: !SYNCED -> moved = movedD; aborted = abortedD fi }
  :: atomic { !dUp -> dUp = true; movedD = moved; abortedD = aborted }
  od }

active proctype Network() {
end: do
  :: atomic { ls < LS && att > 0 && fin[att] > 0 -> ls++; fin[att] = 0 }
  :: atomic { ls < LS && att > 0 && good[att] > 0 -> ls++; good[att] = 0 }
  :: atomic { ls < LS && att > 0 && cert[att] > 0 -> ls++; cert[att] = 0 }
  :: atomic { ls < LS && att > 0 && said[att] > 0 -> ls++; said[att] = 0 }
  :: atomic { ls < LS && over > 0 -> ls++; over = 0 }
  od }

#define SERVES (tUp && tAct == 2)
#define ONE (!(HOLDER && SERVES))
/* a durable COMMIT: the target holds exactly the frozen head, and the source cannot have gone on */
#define DECIDED(a) (movedD != a || rowN == sN && tN == sN && (sHand > 0 || prom == a) && (tAct == 2 || tHoldD == a))
#if AT == 1
#define READY DECIDED(1)
#elif AT == 2
#define READY (DECIDED(1) && DECIDED(2))
#else
#define READY (DECIDED(1) && DECIDED(2) && DECIDED(3))
#endif
#define KEPT (tAct < 2 || tN == sN)
#define MOVED (sHand == 2 && tAct == 2)
#define STAYED (sHand == 0 && prom == 0 && !sFrz && tAct == 0 && tHold == 0)
#define ALL_SPENT (sCr == CR && tCr == CR && dCr == CR && ls == LS && att == AT)

active proctype Monitor() {
end: do
  :: atomic { REACH -> assert(false) }
  :: atomic { !ONE -> assert(ONE) }
  :: atomic { !READY -> assert(READY) }
  :: atomic { !KEPT -> assert(KEPT) }
  :: atomic { timeout -> assert(MOVED || STAYED); break }
  od;
progress_quiet: end_quiet: false }
