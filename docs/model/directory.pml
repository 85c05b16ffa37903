/* The cutover of one daemon where a directory decides: docs/protocol.md 4.14 and 8.7 to 8.10. The source makes a promise
 * durable and only then sends its certificate (Promised). The target takes certificate and hold to the directory and
 * claims the COMMIT; the source, when its patience is at an end or after a restart, claims the ABORT. The directory
 * decides an attempt once, by compare-and-set. The target makes the entry after the COMMIT and not before, and activates;
 * the source makes it the next entry of its own log before it lets go. After "code:" stands who carries a step out.
 *
 * A message, a question and an answer is a flag, "was sent and not lost": it may come at any later time and any number
 * of times. A claim that its sender has long given up may thus still be decided, and an answer may come late or never.
 * An answer "undecided" changes nothing and is left out. The target's copy is as durable as it is written: cutover.pml is
 * about that, and comeback.pml about later stays. A journal keeps its order: a power failure takes any tail of what is not
 * durable. The target may have handed the daemon on meanwhile: what it left answers for it, as it would itself.
 *
 * Bounds: EV entries, AT attempts, CR crashes of each of the three, LS losses. Every run ends.
 * Variants: GONE    the source may stay dead: what the directory has, or can be brought, decides without it;
 *           ANYONE  whoever has the evidence claims, both ways, for the directory asks for nothing else;
 *           BUG=x   one planted mistake, see README.md. */
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
mtype = { none, cert_before_promise, abort_after_promise, unclear_is_abort, restart_forgets_promise, source_obeys_old_abort,
  promise_replaced, freeze_unlisted, retire_before_entry, retire_unsynced, report_before_hold, hold_unsynced,
  accept_before_commit, activate_on_certificate, drop_hold_on_timeout, undecided_is_abort, target_obeys_old_abort, hold_lowered,
  hold_cleared_early, ack_unsynced, old_cert_kept, blind_put, commit_unguarded, hold_unchecked, answer_unsynced };
#define IS(b) (BUG == b)
#define COMMIT 1
#define ABORT 2

/* --- messages ------------------------------------------------------------------------------------------ */
byte fin[AT + 1];   /* Final: 1 + the frozen sequence */
byte good[AT + 1];  /* ReplayComplete: 1 + the sequence; its signature is the hold that a claim shows */
byte cert[AT + 1];  /* Promised, the certificate: 1 + the sequence */
bool wantC[AT + 1]; /* the claim for COMMIT, with certificate and hold */
bool wantA[AT + 1]; /* the claim for ABORT, with the certificate */
byte saidS[AT + 1]; /* the directory's answer to the source */
byte saidT[AT + 1]; /* and to the target: a COMMIT comes with its certificate */
byte over;          /* Aborted, MigrationFailed or Answer serving: this attempt and lower ones are void */
byte ent;           /* Answer serving with the entry of this attempt */
bool ack;           /* ActivateAck, or the handover of the epoch after (4.9.5) */

/* --- the source ---------------------------------------------------------------------------------------- */
byte sN, sD;        /* entries in its log, and how many of them are durable: all that may be acknowledged */
byte att;           /* the last attempt issued; the boot counter that orders them is durable */
byte prom, promD;   /* the attempt it has promised, 0 none: in the journal, and durable there */
byte sHand;         /* the entry of that attempt in its log: 0 none, 1 written, 2 durable */
bool sGone;         /* it has let go of its copy */
bool sUp = true, sFrz, sLive, dead; /* in memory: frozen; att is live. dead: it never comes back */

/* --- the target ---------------------------------------------------------------------------------------- */
byte tN;            /* entries of its copy */
byte tHold, tHoldD; /* the attempt it holds for, 0 none: written, and durable, from when on the machine knows of it */
byte tHead;         /* the head of the hold */
byte tCert, tVoid;  /* in memory: the attempt whose certificate it has; attempts up to this one are over */
byte tAct, tFor;    /* the entry in its log: 0 none, 1 written, 2 durable, from when on it serves; and its attempt */
bool tUp = true;

/* --- the directory: its row ------------------------------------------------------------------------------ */
byte moved, movedD; /* the attempt that was committed: written, durable. code: directory.Row, Move */
byte gone, goneD;   /* the highest one that was aborted */
byte rowN;          /* the head that was committed */
bool dUp = true, known = true; /* known: it has the daemon at all */

byte sCr, tCr, dCr, ls, puts; /* puts bounds the planted mistake that lets the row change for ever */

#define HOLDER   (sUp && sHand == 0 && !sGone && prom == 0) /* the source may read and answer, and sequence unless frozen */
#define PROMISED (sUp && sHand == 0 && !sGone && prom > 0 && promD == prom)
#define SERVES   (tUp && tAct == 2)
#define HOLDS    (tUp && tAct == 0 && tHold > 0 && (tHoldD == tHold || IS(hold_unsynced)))
/* attempts up to this one are over. code: source.(*Machine).over; node.(*Core).whereIs */
#define PAST     (prom > 0 -> prom - 1 : att - sLive)

inline thaw() { if :: over < prom -> over = prom :: else fi; prom = 0; sFrz = false; sLive = false }

active proctype Source() {
end: do
  /* an entry; a sync of the journal, with which all of it is durable. code: node.(*Executor).apply; journal.(*Journal).Wait */
  :: atomic { HOLDER && !sFrz && sN < EV -> sN++ }
  :: atomic { sUp && !sGone && (sD < sN || promD != prom || sHand == 1) -> sD = sN; promD = prom; if :: sHand == 1 -> sHand = 2 :: else fi }
  /* it freezes, once the directory has it as the holder (4.14.1), and opens an attempt. code: source.(*Machine).looked, tryCutover, sendFinal */
  :: atomic { HOLDER && !sFrz && att < AT && (known || IS(freeze_unlisted)) -> att++; sFrz = true; sLive = true; fin[att] = sN + 1 }
  :: atomic { HOLDER && sLive && fin[att] == 0 -> fin[att] = sN + 1 } /* code: source.(*Machine).resend */
  /* before the promise it may end the attempt alone. code: source.(*Machine).freezeTimedOut, fail, thaw */
  :: atomic { HOLDER && sFrz && sLive -> if :: over < att -> over = att :: else fi; sFrz = false; sLive = false }
  /* who asks about an attempt that is over is told. code: source.(*Machine).replayComplete, answer; node.(*Core).stray */
  :: atomic { sUp && sHand == 0 && !sGone && over < PAST -> over = PAST }
  /* the promise is written (4.14.2). code: source.(*Machine).replayComplete; node.(*Executor).promise; daemon.(*Host).Promise */
  :: atomic { HOLDER && sFrz && sLive && good[att] == sN + 1 -> prom = att; if :: IS(cert_before_promise) -> cert[att] = sN + 1 :: else fi }
  /* it is durable: Promised, until there is an outcome. code: source.(*Machine).certified, sendPromised; RecoverPromised */
  :: atomic { PROMISED && cert[prom] == 0 -> cert[prom] = sN + 1 }
  /* its patience is at an end: it claims the ABORT (4.14.3). code: source.(*Machine).consultIfDue, hurry; node.Consult.Ask */
  :: atomic { PROMISED && !wantA[prom] -> wantA[prom] = true }
  /* ABORT: the Release is written, and it serves on (4.14.5). code: source.(*Machine).decided, takeBack */
  :: atomic { PROMISED && (saidS[prom] == ABORT || IS(abort_after_promise) || IS(unclear_is_abort) && wantA[prom] ||
       IS(source_obeys_old_abort) && prom > 1 && saidS[prom - 1] == ABORT) -> thaw() }
  :: atomic { IS(promise_replaced) && PROMISED && att < AT -> att++; prom = 0; sLive = true; fin[att] = sN + 1 }
  /* the entry of the promised attempt, which proves the COMMIT (4.14.4). code: source.(*Machine).entry; daemon.(*Host).Follow; node.(*Executor).committed */
  :: atomic { PROMISED && ent == prom -> sHand = 1 }
  /* it lets go: its own log has the entry, and its successor's word is here. code: source.(*Machine).handedOver, activated, gone; node.(*Core).bury */
  :: atomic { sUp && !sGone && ack && (sHand == 2 || IS(retire_unsynced) && sHand == 1 || IS(retire_before_entry) && PROMISED) -> sGone = true }
  /* death of the process: written things survive. Power failure: any tail of Release, entries, Promise, or the last entry, is lost. */
  :: atomic { sUp && sCr < CR -> sCr++; sUp = false; sFrz = false; sLive = false;
       if :: true
          :: sHand == 1 -> sHand = 0
          :: sHand == 0 && promD > 0 && prom != promD -> prom = promD; sN = sD
          :: sHand == 0 && (prom != promD || sN > sD) ->
             if :: prom != promD -> prom = 0 :: else fi;
             do :: sN > sD -> sN-- :: break od
       fi }
#ifdef GONE
  :: atomic { !sUp && !dead -> dead = true }
#endif
  /* restart: a sync, and a promise freezes it (4.14.7). code: journal.Open; node.(*Executor).reviveHolder; node.(*Core).promised */
  :: atomic { !sUp && !dead -> sUp = true; if :: IS(restart_forgets_promise) && sHand == 0 -> prom = 0 :: else fi;
       sD = sN; promD = prom; if :: sHand == 1 -> sHand = 2 :: else fi; sFrz = (prom > 0) }
  od }

/* A Final is obeyed if it is above what is held and void, at the head that it names; an attempt that takes the hold over
 * makes the certificate of the one before worthless. code: target.(*Machine).finalAt, tryHold, holdDone; target.(*record).holdAt */
#define FINAL(a) \
  :: atomic { tUp && tAct == 0 && fin[a] > 0 && tHold != a && (a > tHold || IS(hold_lowered)) && a > tVoid && tN + 1 == fin[a] -> \
       tHold = a; tHead = tN; if :: IS(old_cert_kept) :: else -> tCert = 0 fi }
/* Promised, for the attempt that is held, at its head. code: target.(*Machine).promised, checkCert */
#define CERT(a) \
  :: atomic { HOLDS && tHold == a && tCert != a && cert[a] == tN + 1 -> tCert = a }

inline release() { tHold = 0; tHead = 0; tCert = 0 }

active proctype Target() {
end: do
  /* the next durable entry of the source, also under a hold. code: source.(*Machine).ship; target.(*Machine).events */
  :: atomic { tUp && tAct == 0 && sHand == 0 && tN < sD -> tN++ }
  FINAL(1)
  CERT(1)
#if AT > 1
  FINAL(2)
  CERT(2)
#endif
#if AT > 2
  FINAL(3)
  CERT(3)
#endif
  :: atomic { tUp && tAct == 0 && tHoldD != tHold -> tHoldD = tHold }
  /* ReplayComplete, once the hold is durable. code: target.(*Machine).holdDone, replayComplete */
  :: atomic { (HOLDS || IS(report_before_hold) && tUp && tAct == 0 && tHold > 0) && good[tHold] == 0 && tN == tHead -> good[tHold] = tN + 1 }
  /* it claims the COMMIT (4.14.3). code: target.(*Machine).consult; node.Consult.Ask */
  :: atomic { HOLDS && tCert == tHold && !wantC[tHold] -> wantC[tHold] = true; if :: IS(accept_before_commit) -> ent = tHold :: else fi }
  /* COMMIT of what it holds: the entry (4.14.4, 4.14.6). code: target.(*Machine).decided, accept, activateWith; crypto.Accept */
  :: atomic { HOLDS && (saidT[tHold] == COMMIT && tN == rowN || IS(activate_on_certificate) && cert[tHold] == tN + 1) -> tAct = 1; tFor = tHold;
       if :: IS(hold_cleared_early) -> release(); tHoldD = 0 :: else fi }
  /* ABORT of what it holds. code: target.(*Machine).decided, abortedAttempt */
  :: atomic { HOLDS && (saidT[tHold] == ABORT || IS(drop_hold_on_timeout) || IS(undecided_is_abort) && dUp && moved == 0 && tHold > gone) ->
       if :: tVoid < tHold -> tVoid = tHold :: else fi; release() }
  :: atomic { IS(target_obeys_old_abort) && HOLDS && tHold > 1 && saidT[tHold - 1] == ABORT -> release() }
  /* the source's word that attempts are over. code: target.(*Machine).abortedAttempt, answered, sourceFailed, release */
  :: atomic { tUp && tAct == 0 && over > tVoid -> tVoid = over;
       if :: tHold > 0 && (tHold <= over || IS(target_obeys_old_abort)) -> release() :: else fi }
  /* the entry is durable: it serves, and the hold is cleared. code: target.(*Machine).activated; node.(*Executor).activate, arrived */
  :: atomic { tUp && tAct == 1 -> tAct = 2; release(); tHoldD = 0 }
  /* the entry, and behind it the proof, for the source that has only the certificate: from the machine, from what is left of
   * it, or from the passport. code: target.(*Machine).ack, answer; node.(*Core).prove, openedBy; node.(*Executor).proof */
  :: atomic { tUp && (tAct == 2 || tAct == 1 && IS(ack_unsynced)) && ent == 0 -> ent = tFor }
  :: atomic { tUp && (tAct == 2 || tAct == 1 && IS(ack_unsynced)) && !ack -> ack = true }
  /* death and power failure */
  :: atomic { tUp && tCr < CR -> tCr++; tUp = false; tCert = 0; tVoid = 0;
       if :: true
          :: tAct == 1 -> tAct = 0; tFor = 0; if :: IS(hold_cleared_early) -> release() :: else fi
          :: tAct == 0 && tHold != tHoldD -> tHold = tHoldD; tHead = (tHold > 0 -> tHead : 0)
       fi }
  /* restart: the same; a copy that has gone past its hold has heard more since. code: node.(*Executor).reviveDark, holdAgain, finishArrival; target.RecoverMachine */
  :: atomic { !tUp -> tUp = true; tHoldD = tHold;
       if :: tAct == 1 -> tAct = 2; release(); tHoldD = 0 :: tAct == 0 && tHold > 0 && tN > tHead -> tVoid = tHold; release() :: else fi }
  od }

/* What the directory says of an attempt. code: directory.outcome, committed */
#define OUTCOME(a) (moved == (a) -> COMMIT : (moved == 0 && (a) <= gone -> ABORT : 0))
#define SYNCED (moved == movedD && gone == goneD)
#define ANSWERS (dUp && known && (SYNCED || IS(answer_unsynced)))
/* The target asks about the certificate that it has, or else about its hold. */
#define ASKED(a) (wantC[a] || HOLDS && (tCert == a || tCert == 0 && tHold == a))
/* One transaction each; answers come from what is durable. code: directory.(*Table).Claim, Outcome; directory.claim, commit; bolt.(*file).View */
#define DECIDE(a) \
  :: atomic { dUp && known && (wantC[a] || IS(hold_unchecked) && cert[a] > 0) && moved == 0 && (a > gone || IS(commit_unguarded)) -> \
       moved = a; rowN = (cert[a] > 0 -> cert[a] - 1 : sN) } \
  :: atomic { dUp && known && wantA[a] && moved == 0 && a > gone -> gone = a } \
  :: atomic { IS(blind_put) && dUp && wantA[a] && moved == a && puts < 1 -> puts++; moved = 0; gone = (a > gone -> a : gone) } \
  :: atomic { ANSWERS && wantA[a] && OUTCOME(a) > 0 && saidS[a] != OUTCOME(a) -> saidS[a] = OUTCOME(a) } \
  :: atomic { ANSWERS && ASKED(a) && OUTCOME(a) > 0 && saidT[a] != OUTCOME(a) -> saidT[a] = OUTCOME(a) } \
  ANYBODY(a)
#ifdef ANYONE
#define ANYBODY(a) \
  :: atomic { cert[a] > 0 && good[a] == cert[a] && !wantC[a] -> wantC[a] = true } \
  :: atomic { cert[a] > 0 && !wantA[a] -> wantA[a] = true }
#else
#define ANYBODY(a)
#endif

active proctype Directory() {
end: do
  DECIDE(1)
#if AT > 1
  DECIDE(2)
#endif
#if AT > 2
  DECIDE(3)
#endif
  :: atomic { dUp && !SYNCED -> movedD = moved; goneD = gone }
  /* nobody has told it of the daemon, or it is the wrong directory */
  :: atomic { known && att == 0 && sN == 0 && sUp && sCr + tCr + dCr == 0 -> known = false }
  /* it is away; what it wrote and did not sync is there or not, and who asked asks again. code: directory.ErrUnclear; bolt.Open */
  :: atomic { dUp && dCr < CR -> dCr++; dUp = false; if :: true :: !SYNCED -> moved = movedD; gone = goneD fi }
  :: atomic { !dUp -> dUp = true; movedD = moved; goneD = gone }
  od }

/* What is lost has to be sent again by whoever owes it, or asked again. */
active proctype Network() {
end: do
  :: atomic { ls < LS && att > 0 && fin[att] > 0 -> ls++; fin[att] = 0 }
  :: atomic { ls < LS && att > 0 && good[att] > 0 -> ls++; good[att] = 0 }
  :: atomic { ls < LS && att > 0 && cert[att] > 0 -> ls++; cert[att] = 0 }
  :: atomic { ls < LS && att > 0 && wantC[att] -> ls++; wantC[att] = false }
  :: atomic { ls < LS && att > 0 && wantA[att] -> ls++; wantA[att] = false }
  :: atomic { ls < LS && att > 0 && saidS[att] > 0 -> ls++; saidS[att] = 0 }
  :: atomic { ls < LS && att > 0 && saidT[att] > 0 -> ls++; saidT[att] = 0 }
  :: atomic { ls < LS && over > 0 -> ls++; over = 0 }
  :: atomic { ls < LS && ent > 0 -> ls++; ent = 0 }
  :: atomic { ls < LS && ack -> ls++; ack = false }
  od }

/* P3: never two that may answer; and never the source once the directory has given the daemon away. */
#define ONE (!(HOLDER && SERVES) && !(HOLDER && moved > 0))
/* P1: what was acknowledged is in the log of the one who serves, and the log is the frozen one. */
#define KEPT (sD <= sN && (tAct < 2 || tN == sN))
/* A durable COMMIT: the target holds exactly the frozen head for this attempt, durably, and the source is bound. */
#define DECIDED(a) (movedD != a || rowN == sN && tN == sN && (sHand > 0 || sGone || prom == a) && \
  (tAct > 0 && tFor == a && (tAct == 2 || tHoldD == a) || tHoldD == a && tHold == a))
#if AT == 1
#define READY DECIDED(1)
#elif AT == 2
#define READY (DECIDED(1) && DECIDED(2))
#else
#define READY (DECIDED(1) && DECIDED(2) && DECIDED(3))
#endif
/* 8.8: no entry exists, at the target, under way or at the source, but of the attempt that was committed. */
#define ENTRY ((tAct == 0 || movedD == tFor) && (ent == 0 || movedD == ent) && (sHand == 0 || movedD == prom))
/* 4.9.4, 4.14.4: the source lets go with the entry in its log, and the successor durably active. */
#define BURIED (!sGone || sHand == 2 && tAct == 2)
/* Nothing left to do: moved, or stayed and nobody holds. */
#define MOVED (sHand == 2 && sGone && tAct == 2 && movedD > 0)
#define STAYED (sUp && sHand == 0 && prom == 0 && !sFrz && tAct == 0 && tHold == 0 && moved == 0)
/* The source never comes back: what was decided has come true; what is not could not be claimed. */
#define WITHOUT (dead && (moved > 0 -> tAct == 2 : tAct == 0 && (tHold == 0 || tHold > gone && tCert == 0)))
#define OUTLIVED (dead && sHand == 0 && tAct == 2)
#define ALL_SPENT (sCr == CR && tCr == CR && dCr == CR && ls == LS && att == AT)

active proctype Monitor() {
end: do
  :: atomic { REACH -> assert(false) }
  :: atomic { !ONE -> assert(ONE) }
  :: atomic { !KEPT -> assert(KEPT) }
  :: atomic { !READY -> assert(READY) }
  :: atomic { !ENTRY -> assert(ENTRY) }
  :: atomic { !BURIED -> assert(BURIED) }
  :: atomic { timeout -> assert(MOVED || STAYED || WITHOUT); break }
  od;
progress_quiet: end_quiet: false }
