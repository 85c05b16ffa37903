/* The cutover of one daemon from a source to a target, as docs/protocol.md 4.6 to 4.9, 6 and 7 have it, with
 * crashes, power failures and lost messages. Every step is one indivisible action of one node; after "code:"
 * it names the function that carries it out.
 *
 * A message is a flag that says "was sent and not lost". It can be received at any later time and any number
 * of times, so that delay, repetition and reordering need nothing more; Network() adds the loss. Whoever
 * holds a handover may deliver it: act is the entry on its way, from the source, the orchestrator or anyone.
 *
 * Bounds: EV entries, AT attempts, CR crashes of each node, LS losses, DR copies dropped or gone wrong.
 * Variants: EARLY   an attempt may be opened before the freeze, at the newest head (4.6.7);
 *           ONEWAY  more than that: its Final names no head, and the target reports every one it reaches;
 *           CLIENT  one submission is followed: held, applied, forwarded, asked again, acknowledged;
 *           BUG=x   one planted mistake, see README.md.
 * Every action uses something up, so every run ends, and Monitor() judges the states in which nothing is left
 * to do: moved or stayed, nothing in between. */
#ifndef EV
#define EV 2
#endif
#ifndef AT
#define AT 2
#endif
#ifndef CR
#define CR 2
#endif
#ifndef LS
#define LS 1
#endif
#ifndef DR
#define DR 1
#endif
#ifndef BUG
#define BUG none
#endif

mtype = { none, hold_unsynced, report_unsynced, old_report, heads_ignored, source_ignores_head,
  target_ignores_head, lower_report, activate_on_timeout, hold_cleared_early, drop_hold_on_timeout,
  thaw_after_commit, activate_before_sync, source_opens_unsynced, target_opens_unsynced, ship_unsynced,
  ship_unsynced_unchecked, boot_reused, answer_voids_any, answer_live_attempt, old_abort_obeyed, hold_lowered,
  client_ack_unsynced, retire_before_ack, ack_unsynced, fail_after_commit, held_copy_restarted,
  serve_after_write, arm_outlives_abort, arm_outlives_restart, forward_twice, table_left_behind,
  void_final_obeyed, commit_unreported };
#define IS(b) (BUG == b)

/* --- messages ------------------------------------------------------------------------------------------ */
#define ANY 255
byte fin[AT + 1];  /* Final of an attempt: 1 + the frozen sequence; ANY when armed before the freeze */
byte good[AT + 1]; /* ReplayComplete: 1 + the sequence, with a head that is the source's own */
byte bad[AT + 1];  /* the same, with another head */
byte over;         /* Aborted, Answer serving or MigrationFailed: this attempt and lower ones are void */
bool told;         /* an Answer serving that names no attempt; planted mistakes only */
bool act;          /* ActivateTarget, or an Answer released: the handover entry */
bool ack;          /* ActivateAck */

/* --- the source ---------------------------------------------------------------------------------------- */
byte sN, sD;       /* entries in its log, and how many of them are durable */
byte sHand;        /* its handover entry: 0 none, 1 written, 2 durable, which is the commit */
byte relN, relA;   /* the head and the attempt of the handover */
byte acked;        /* entries acknowledged to producers: all that may be */
byte att;          /* the last attempt issued, in the order (boot, count); the boot counter is durable */
#ifdef EARLY
byte aN;           /* the head that its Final names */
#define NAMES_HEAD aN = sN
#define AGAIN    (aN == sN)
#else
#define NAMES_HEAD skip
#define AGAIN    true
#endif
bool sGone;        /* it has let go: its copy is deleted, the record of the move is left */
bool sUp = true, sFrz, sLive; /* in memory: frozen; att is live */

/* --- the target ---------------------------------------------------------------------------------------- */
bool tHas;         /* there is a dark copy */
byte tN, tD;       /* its entries, and how many of them are durable */
byte tSame;        /* how many leading entries, with their outputs, are those of the source's log */
byte tHold, tHoldD;/* the attempt it holds for, 0 none: written and durable */
byte tHand;        /* the handover in its log: 0 none, 1 written, 2 durable, from when on it serves */
byte tVoid;        /* in memory: attempts up to this one are over */
bool tUp = true, tTrust; /* tTrust: it opened without a sync; planted mistakes only */

byte sCr, tCr, ls, dr; /* crashes, losses and bad copies so far */

#ifdef CLIENT
byte sPos;           /* where the followed submission stands in the source's log, 0 nowhere */
byte tTimes;           /* how often it was applied at the target */
bool tTimesD, held, forward, receipt; /* durable there; held at the source; Forward; acknowledged to its producer */
#define CUT_SUBMISSION   if :: sPos > sN -> sPos = 0 :: else fi
#define APPLY_HELD   if :: held && sPos == 0 && sN < EV -> sN++; sPos = sN; held = false :: else fi
#define MOVED_ALONG (sPos > 0 && sPos <= tN && !IS(table_left_behind))
#else
#define CUT_SUBMISSION   skip
#define APPLY_HELD   skip
#endif

#define HOLDER   (sUp && sHand == 0 && !sGone)     /* the source may read and answer, and sequence unless frozen */
#define SERVES   (tUp && (tHand == 2 || tHand == 1 && (IS(serve_after_write) || tTrust)))
#define LIVE(a)  (sLive && (a) == att)
#ifdef ONEWAY
#define OPENS    (!sLive)
#define AT_HEAD  ANY
#define REACHED(a) true
#else
#ifdef EARLY
#define OPENS    (!sLive)
#else
#define OPENS    (sFrz && !sLive)
#endif
#define AT_HEAD  (sN + 1)
#define REACHED(a) (fin[a] == tN + 1)              /* code: target.(*Machine).tryHold */
#endif

/* The report that lets the source commit (4.7.1): of the live attempt, of exactly the frozen head. */
#define COUNTS ( good[att] == sN + 1 \
  || (IS(heads_ignored) || IS(source_ignores_head) || IS(ship_unsynced_unchecked)) && bad[att] == sN + 1 \
  || IS(old_report) && att > 1 && good[att - 1] == sN + 1 \
  || IS(lower_report) && good[att] > 0 \
  || IS(commit_unreported) )

inline ends_attempt() { if :: sLive && over < att -> over = att :: else fi; sLive = IS(arm_outlives_abort) }

active proctype Source() {
end: do
  /* a submission becomes an entry. code: daemon.(*Host).submit, node.(*Core).applied */
  :: atomic { HOLDER && !sFrz && sN < EV -> sN++; if :: IS(client_ack_unsynced) -> acked = sN :: else fi }
  /* a sync; what is durable is acknowledged and shipped from now on. code: journal.(*Journal).Wait */
  :: atomic { HOLDER && sD < sN -> sD = sN; acked = sN }
  /* code: source.(*Machine).freeze, froze */
  :: atomic { HOLDER && !sFrz && (att < AT || sLive) -> sFrz = true }
  /* an attempt, and Final. code: source.(*Machine).open */
  :: atomic { HOLDER && OPENS && att < AT -> att++; sLive = true; NAMES_HEAD; fin[att] = AT_HEAD }
  /* Final again. code: source.(*Machine).resend */
  :: atomic { HOLDER && sLive && AGAIN && fin[att] == 0 -> fin[att] = AT_HEAD }
  /* something was sequenced behind it: another attempt is needed, frozen or not. code: source.(*Machine).applied, final */
  :: atomic { HOLDER && sLive && !AGAIN -> ends_attempt(); if :: att == AT -> sFrz = false; APPLY_HELD :: else fi }
  /* budget spent, cancelled, target failed: Aborted, and it goes on. code: source.(*Machine).freezeTimedOut, fail, thaw */
  :: atomic { HOLDER && sLive -> ends_attempt(); sFrz = false; APPLY_HELD }
  /* a late ReplayComplete, or an Ask, about an attempt that is over. code: source.(*Machine).replayComplete, answer */
  :: atomic { HOLDER && over < att - sLive -> over = att - sLive }
  :: atomic { IS(answer_voids_any) && HOLDER && !sFrz && !told -> told = true }
  :: atomic { IS(answer_live_attempt) && HOLDER && over < att -> over = att }
  /* the handover is written. code: source.(*Machine).replayComplete, commit; node.(*Executor).source, committed; daemon.(*Host).HandOver */
  :: atomic { HOLDER && sFrz && sLive && COUNTS -> sHand = 1; relN = sN; relA = att; act = IS(activate_before_sync) }
  /* COMMIT: it is durable. code: source.(*Machine).handedOver */
  :: atomic { sUp && sHand == 1 -> sHand = 2; sD = sN }
  /* ActivateTarget, until it is answered. code: source.(*Machine).sendActivate, resend, answer */
  :: atomic { sUp && sHand == 2 && !sGone && !act -> act = true }
  :: atomic { IS(fail_after_commit) && sUp && sHand == 2 && over < att -> over = att }
  :: atomic { IS(thaw_after_commit) && sUp && sHand == 2 && sFrz && !sGone -> sHand = 0; sFrz = false; sLive = false }
  /* it lets go. code: source.(*Machine).activated, node.(*Core).bury */
  :: atomic { sUp && sHand == 2 && !sGone && (ack || IS(retire_before_ack) && act) -> sGone = true }
  /* death of the process: written things survive. Power failure: any tail of what is not durable is lost. */
  :: atomic { sUp && sCr < CR -> sCr++; sUp = false; sFrz = false; sLive = sLive && IS(arm_outlives_restart);
#ifdef CLIENT
       held = false;
#endif
       if :: true
          :: sHand == 1 || sHand == 0 && sN > sD ->
             if :: sHand == 1 -> sHand = 0; relN = 0; relA = 0 :: else -> sN-- fi;
             do :: sN > sD -> sN-- :: break od
       fi;
       if :: tSame > sN -> tSame = sN :: else fi; CUT_SUBMISSION }
  /* restart (7.2.3): sync, then act on what is there. code: journal.Open; node.(*Executor).revive; source.Recover */
  :: atomic { !sUp -> sUp = true;
       if :: IS(source_opens_unsynced) -> act = act || sHand == 1
          :: else -> sD = sN; if :: sHand == 1 -> sHand = 2 :: sHand == 0 -> acked = (acked > sN -> acked : sN) :: else fi
       fi;
       if :: IS(boot_reused) && sHand == 0 -> att = 0 :: else fi;
       if :: IS(arm_outlives_restart) && sHand == 0 && over < att -> over = att :: else fi }
#ifdef CLIENT
  /* the followed submission: applied, or held while frozen. code: source.(*Machine).submitted, daemon.(*Host).submit */
  :: atomic { HOLDER && !sFrz && sN < EV && sPos == 0 -> sN++; sPos = sN; held = false }
  :: atomic { HOLDER && sFrz && sPos == 0 && !held -> held = true }
  :: atomic { HOLDER && !receipt && sPos > 0 && sPos <= sD -> receipt = true }
  /* what was held goes to the target. code: source.(*Machine).forwardAll */
  :: atomic { sUp && sGone && held && !forward -> forward = true }
#endif
  od }

/* A Final is obeyed if it is above what is held and void, and the copy's head is the one it names. */
#define FINAL(a) /* code: target.(*Machine).finalAt, tryHold; target.(*record).holdAt */ \
  :: atomic { tUp && tHas && tHand == 0 && fin[a] > 0 && tHold != a && (a > tHold || IS(hold_lowered)) \
       && (a > tVoid || IS(void_final_obeyed)) && REACHED(a) \
       && (tSame >= tN || IS(heads_ignored) || IS(target_ignores_head) || IS(ship_unsynced_unchecked)) -> tHold = a }
/* An end of attempts up to b. code: target.(*Machine).abortedAttempt, answered, sourceFailed, release */
#define ABORTED(b) \
  :: atomic { tUp && tHand == 0 && b <= over && (b > tVoid || tHold > 0 && IS(old_abort_obeyed)) -> \
       tVoid = (b > tVoid -> b : tVoid); if :: tHold > 0 && (tHold <= b || IS(old_abort_obeyed)) -> tHold = 0 :: else fi }

#define EMPTY tHas = false; tN = 0; tD = 0; tSame = 0; tHold = 0; tHoldD = 0

active proctype Target() {
end: do
  /* a snapshot is restored; its events are taken for applied one by one. code: target.(*Machine).restored */
  :: atomic { tUp && !tHas && tHand == 0 && sHand == 0 -> tHas = true }
  /* the next entry, which the source ships once it is durable there; the copy may compute something else.
   * code: source.(*Machine).ship, target.(*Machine).events, daemon.(*Host).Replay */
  :: atomic { tUp && tHas && tHand == 0 && tN < ((IS(ship_unsynced) || IS(ship_unsynced_unchecked)) -> sN : sD) ->
       if :: tSame == tN -> tSame++ :: tSame == tN && dr < DR -> dr++ :: tSame < tN fi; tN++ }
  FINAL(1)
#if AT > 1
  FINAL(2)
#endif
#if AT > 2
  FINAL(3)
#endif
#if AT > 3
  FINAL(4)
#endif
  /* a sync makes everything written so far durable. code: journal.(*Journal).Wait */
  :: atomic { tUp && tHand == 0 && (tD != tN || tHoldD != tHold) -> tD = tN; tHoldD = tHold }
  /* ReplayComplete: the hold and the copy are durable. code: target.(*Machine).holdDone, replayComplete */
  :: atomic { tUp && tHas && tHand == 0 && tHold > 0 &&
       (tHoldD == tHold && (tD == tN || IS(report_unsynced)) || IS(hold_unsynced) || tTrust) &&
       (tSame >= tN && good[tHold] != tN + 1 || tSame < tN && bad[tHold] != tN + 1) ->
       if :: tSame >= tN -> good[tHold] = tN + 1 :: else -> bad[tHold] = tN + 1 fi }
  ABORTED(1)
#if AT > 1
  ABORTED(2)
#endif
#if AT > 2
  ABORTED(3)
#endif
#if AT > 3
  ABORTED(4)
#endif
  :: atomic { IS(answer_voids_any) && tUp && tHand == 0 && told && tHold > 0 -> tHold = 0; tVoid = (att > tVoid -> att : tVoid) }
  /* a copy that promises nothing may go. code: target.(*Machine).drop, timers; target.(*Handler).Abort */
  :: atomic { tUp && tHas && tHand == 0 && dr < DR && (tHold == 0 && tHoldD == 0 || IS(drop_hold_on_timeout)) -> dr++; EMPTY }
  /* the handover: it must follow the copy's own head (4.8.1). code: target.(*Machine).activate, checkHandover */
  :: atomic { tUp && tHas && tHand == 0 && (act && tN == relN && tSame >= tN || IS(activate_on_timeout) && tHold > 0) ->
       tHand = 1; if :: IS(hold_cleared_early) -> tHold = 0; tHoldD = 0 :: else fi }
  /* durable: now it serves, and only now is the hold cleared (4.8.2). code: target.(*Machine).activated */
  :: atomic { tUp && tHand == 1 -> tHand = 2; tD = tN; tHold = 0; tHoldD = 0 }
  /* ActivateAck, for each handover that comes. code: target.(*Machine).ack; node.(*Core).arrivalOf */
  :: atomic { tUp && act && !ack && (tHand == 2 || tHand == 1 && (IS(ack_unsynced) || tTrust)) -> ack = true }
  /* death and power failure; the log keeps its order: who loses an entry loses what came after it */
  :: atomic { tUp && tCr < CR -> tCr++; tUp = false; tVoid = 0; tTrust = false;
       if :: true
          :: tHand == 1 -> tHand = 0
          :: tHand < 2 && (tHoldD != tHold || tD != tN) -> tHold = tHoldD; if :: tHand == 1 -> tHand = 0 :: else fi;
             do :: tN > tD -> tN-- :: break od; if :: tSame > tN -> tSame = tN :: else fi
       fi;
#ifdef CLIENT
       if :: !tTimesD -> tTimes = 0 :: true fi;
#endif
     }
  /* restart: the same. code: journal.Open; node.(*Executor).reviveDark; target.RecoverMachine */
  :: atomic { !tUp -> tUp = true;
#ifdef CLIENT
       tTimesD = tTimes > 0;
#endif
       if :: IS(target_opens_unsynced) -> tTrust = true
          :: else -> tD = tN; tHoldD = tHold; if :: tHand == 1 -> tHand = 2; tHold = 0; tHoldD = 0 :: else fi
       fi;
       if :: IS(held_copy_restarted) && tHand == 0 -> EMPTY :: else fi }
#ifdef CLIENT
  /* the submission reaches the new holder, forwarded or from its producer. code: node.(*Core).submit, forwardedHere */
  :: atomic { SERVES && !MOVED_ALONG && tTimes == 0 -> tTimes = 1; tTimesD = false }
  :: atomic { IS(forward_twice) && SERVES && forward && tTimes == 1 -> tTimes = 2 }
  :: atomic { SERVES && tTimes > 0 && !tTimesD -> tTimesD = true }
  :: atomic { SERVES && !receipt && (tTimesD || MOVED_ALONG) -> receipt = true }
#endif
  od }

/* What is lost has to be sent again by whoever owes it (3.7.4). */
active proctype Network() {
end: do
  :: atomic { ls < LS && att > 0 && fin[att] > 0 -> ls++; fin[att] = 0 }
  :: atomic { ls < LS && att > 0 && (good[att] > 0 || bad[att] > 0) -> ls++; good[att] = 0; bad[att] = 0 }
  :: atomic { ls < LS && over > 0 -> ls++; over = 0 }
  :: atomic { ls < LS && act -> ls++; act = false }
  :: atomic { ls < LS && ack -> ls++; ack = false }
  od }

/* P3: never two that may answer. */
#define ONE (!(HOLDER && SERVES))
/* P1: what was acknowledged is in the log of the one who holds the daemon. */
#define KEPT (acked <= sN && (!(tHand == 2) || acked <= tN && tSame >= tN))
/* P4, P5: committed means that the target has exactly this, holds it for this attempt, and durably so. */
#define READY (sHand < 2 || relN == sN && (tHand == 2 || tHas && tD >= relN && tN == relN && tSame >= relN && tHoldD == relA))
/* 4.9.4: nothing is deleted before the successor is durably active; and it serves only what was committed. */
#define BURIED ((!sGone || tHand == 2) && (!(tHand == 2) || sHand == 2 && tN == relN))
/* Nothing left to do: moved, or stayed and nobody holds. */
#define MOVED (sHand == 2 && sGone && tHand == 2)
#define STAYED (sHand == 0 && !sFrz && tHand == 0 && tHold == 0)
#ifdef CLIENT
/* P2: the followed submission is in the holder's log at most once; acknowledged, it is there. */
#define ONCE (tTimes <= 1 && !(tTimes > 0 && sPos > 0 && sPos <= tN) && (!receipt || sPos > 0 || tTimes > 0 && tTimesD))
#define DONE (receipt || sN >= EV && STAYED)
#else
#define ONCE true
#define DONE true
#endif

/* -DREACH=x asks for a counterexample: that a state with x exists shows that the claims are not empty. */
#ifndef REACH
#define REACH false
#endif
#define ALL_SPENT (sCr == CR && tCr == CR && ls == LS && att == AT)

active proctype Monitor() {
end: do
  :: atomic { REACH -> assert(false) }
  :: atomic { !ONE -> assert(ONE) }
  :: atomic { !KEPT -> assert(KEPT) }
  :: atomic { !READY -> assert(READY) }
  :: atomic { !BURIED -> assert(BURIED) }
  :: atomic { !ONCE -> assert(ONCE) }
  :: atomic { timeout -> assert((MOVED || STAYED) && DONE); break }
  od;
progress_quiet: end_quiet: false }
