/* There and back again: a daemon that moves between two nodes, over and over. Epoch e is held by node A if e is
 * odd and by node B if it is even; a stay is one node's copy of the daemon for one epoch (a CopyID of package
 * journal). What cutover.pml checks inside one move is taken as done here: a hold and an event are durable in
 * one step. What is left is what one move can do to another: every message ever sent about an earlier move may
 * come in the middle of a later one, and every restart finds the remains of earlier stays on its disk.
 *
 * Bounds: ST stays (ST - 1 moves, 2 to 4), EV entries in all, AT attempts a move, CR crashes of each node.
 * Every run ends. */
#ifndef ST
#define ST 4
#endif
#ifndef EV
#define EV 2
#endif
#ifndef AT
#define AT 2
#endif
#ifndef CR
#define CR 1
#endif
#ifndef BUG
#define BUG none
#endif
#ifndef REACH
#define REACH false
#endif
mtype = { none, old_handover_accepted, old_ack_accepted, old_abort_accepted, old_report_accepted,
  retirement_hits_next, old_stay_reopened, ack_from_copy };
#define IS(b) (BUG == b)

/* Of stay e; index 0 and ST + 1 are never used. */
byte size[ST + 2];      /* entries in its log */
bool copy[ST + 2];     /* its data are on the disk */
byte held[ST + 2];     /* the attempt it is held for */
byte arrived[ST + 2];  /* its activation: 0 none, 1 written, 2 durable */
byte try[ST + 2];      /* attempts its holder has made to give it away */
byte given[ST + 2];    /* its handover to the next stay: 0 none, 1 written, 2 durable */
bool frozen[ST + 2];   /* in memory */
byte retired[ST + 2];  /* 1 the retirement is queued, 2 its data are gone, the record of the move is left */
/* Messages about the move from stay e to the next, and how they differ from those of another move. */
byte rep[ST + 2], repSize[ST + 2]; /* ReplayComplete: attempt and sequence */
byte over[ST + 2];     /* Aborted */
bool act[ST + 2];      /* ActivateTarget */
bool ack[ST + 2];      /* ActivateAck */

bool up[2] = true;
byte cr[2];
byte acked;            /* entries acknowledged by anyone, handovers included */
#define NODE(e) ((e) % 2)
#define HOLDER(e) (up[NODE(e)] && arrived[e] == 2 && given[e] == 0 && copy[e])
/* No stay of this daemon is in the way: what was here is retired. code: node.(*Core).mayArrive; node.settles */
#define NO_OTHER(e) ((e) < 3 || retired[(e) - 2] == 2 || IS(retirement_hits_next) && retired[(e) - 2] == 1)

proctype Stay(byte e) {
end: do
  /* --- it holds the daemon, and gives it away ---------------------------------------------------------- */
  :: atomic { HOLDER(e) && !frozen[e] && acked < EV + e - 1 -> size[e]++; acked = size[e] }
  :: atomic { e < ST && HOLDER(e) && !frozen[e] && try[e] < AT -> try[e]++; frozen[e] = true }           /* code: source.(*Machine).sendFinal */
  :: atomic { HOLDER(e) && frozen[e] -> frozen[e] = false; over[e] = try[e] }                             /* code: source.(*Machine).freezeTimedOut */
  :: atomic { HOLDER(e) && over[e] < try[e] - frozen[e] -> over[e] = try[e] - frozen[e] }                 /* code: source.(*Machine).answer */
  :: atomic { HOLDER(e) && frozen[e] && (rep[e] == try[e] && repSize[e] == size[e] || IS(old_report_accepted) && e > 2 && rep[e - 2] == try[e]) ->
       given[e] = 1 }                                                                                      /* code: source.(*Machine).replayComplete */
  :: atomic { up[NODE(e)] && given[e] == 1 -> given[e] = 2; frozen[e] = false }                            /* code: source.(*Machine).handedOver */
  :: atomic { up[NODE(e)] && given[e] == 2 && !act[e] -> act[e] = true }                                   /* code: source.(*Machine).sendActivate */
  :: atomic { up[NODE(e)] && given[e] == 2 && retired[e] == 0 && (ack[e] || IS(old_ack_accepted) && e > 2 && ack[e - 2]) -> retired[e] = 1 } /* code: source.(*Machine).activated */
  :: atomic { up[NODE(e)] && retired[e] == 1 -> retired[e] = 2;                                            /* code: daemon.(*Host).Retire, node.(*Core).bury */
       if :: IS(retirement_hits_next) && e + 2 <= ST && copy[e + 2] -> copy[e + 2] = false :: else -> copy[e] = false fi }
  /* --- it is the target of the move from the stay before ------------------------------------------------- */
  :: atomic { e > 1 && up[NODE(e)] && !copy[e] && arrived[e] == 0 && HOLDER(e - 1) && NO_OTHER(e) -> copy[e] = true } /* code: node.(*Core).prepare, target.(*Machine).restored */
  :: atomic { e > 1 && up[NODE(e)] && copy[e] && arrived[e] == 0 && frozen[e - 1] && try[e - 1] > held[e] && try[e - 1] > over[e - 1] ->
       held[e] = try[e - 1]; size[e] = size[e - 1] }                                                         /* code: target.(*Machine).finalAt, holdDone */
  :: atomic { e > 1 && up[NODE(e)] && arrived[e] == 0 && held[e] > 0 && rep[e - 1] < held[e] -> rep[e - 1] = held[e]; repSize[e - 1] = size[e] } /* code: target.(*Machine).replayComplete */
  :: atomic { e > 1 && up[NODE(e)] && arrived[e] == 0 && held[e] > 0 && (over[e - 1] >= held[e] || IS(old_abort_accepted) && e > 3 && over[e - 3] >= held[e]) ->
       held[e] = 0 }                                                                                       /* code: target.(*Machine).abortedAttempt */
  :: atomic { e > 1 && up[NODE(e)] && copy[e] && arrived[e] == 0 && held[e] > 0 && (act[e - 1] || IS(old_handover_accepted) && e > 3 && act[e - 3]) ->
       arrived[e] = 1 }                                                                                    /* code: target.(*Machine).checkHandover */
  :: atomic { e > 1 && up[NODE(e)] && arrived[e] == 1 -> arrived[e] = 2; held[e] = 0; size[e]++; acked = (acked > size[e] -> acked : size[e]) } /* code: target.(*Machine).activated */
  :: atomic { e > 1 && up[NODE(e)] && act[e - 1] && !ack[e - 1] && (arrived[e] == 2 || IS(ack_from_copy) && copy[e]) -> ack[e - 1] = true } /* code: node.(*Core).arrivalOf */
  od }

/* Death, and restart from what is on the disk. What was written and is not durable survives or does not. */
#define MEMORY(e) \
  if :: NODE(e) == n -> frozen[e] = false; if :: retired[e] == 1 -> retired[e] = 0 :: else fi; \
       if :: given[e] == 1 -> given[e] = 0 :: given[e] == 1 -> given[e] = 2 :: given[e] != 1 fi; \
       if :: arrived[e] == 1 -> arrived[e] = 0 :: arrived[e] != 1 fi; \
       if :: IS(old_stay_reopened) && given[e] == 2 && copy[e] -> given[e] = 0 :: else fi \
     :: else fi

proctype Node(byte n) {
end: do
  :: atomic { up[n] && cr[n] < CR -> cr[n]++; up[n] = false; MEMORY(1); MEMORY(2);
#if ST > 2
       MEMORY(3);
#endif
#if ST > 3
       MEMORY(4);
#endif
#if ST > 4
       MEMORY(5);
#endif
     }
  :: atomic { !up[n] -> up[n] = true }
  od }

/* Of any two stays at most one may answer, and the later one has everything. */
#define PAIR(a, b) (!(HOLDER(a) && HOLDER(b)))
/* Given away: the next stay has it all, held or active; deleted: the next stay is active for good. */
#define MOVE(e) ((given[e] < 2 || arrived[(e) + 1] == 2 && size[(e) + 1] > size[e] || \
  copy[(e) + 1] && size[(e) + 1] == size[e] && held[(e) + 1] == try[e]) && (retired[e] == 0 || arrived[(e) + 1] == 2))
/* The holder's data are there, and nothing acknowledged is missing. */
#define WHOLE(e) (!(arrived[e] == 2 && given[e] < 2) || copy[e] && size[e] >= acked)
/* Nothing left to do: one stay holds the daemon and serves, and nobody waits for an outcome. */
#define AT_REST(e) (HOLDER(e) && !frozen[e] && held[(e) + 1] == 0)

#if ST == 3
#define SETTLED (AT_REST(1) || AT_REST(2) || AT_REST(3))
#elif ST == 4
#define SETTLED (AT_REST(1) || AT_REST(2) || AT_REST(3) || AT_REST(4))
#else
#define SETTLED (AT_REST(1) || AT_REST(2) || AT_REST(3) || AT_REST(4) || AT_REST(5))
#endif
#define MOVED (HOLDER(ST) && retired[ST - 1] == 2)

proctype Monitor() {
end: do
  :: atomic { REACH -> assert(false) }
  :: atomic { !(PAIR(1, 2) && PAIR(1, 3) && PAIR(2, 3)) -> assert(PAIR(1, 2) && PAIR(1, 3) && PAIR(2, 3)) }
  :: atomic { !(MOVE(1) && MOVE(2)) -> assert(MOVE(1) && MOVE(2)) }
  :: atomic { !(WHOLE(1) && WHOLE(2) && WHOLE(3)) -> assert(WHOLE(1) && WHOLE(2) && WHOLE(3)) }
#if ST > 3
  :: atomic { !(PAIR(1, 4) && PAIR(2, 4) && PAIR(3, 4)) -> assert(PAIR(1, 4) && PAIR(2, 4) && PAIR(3, 4)) }
  :: atomic { !(MOVE(3) && WHOLE(4)) -> assert(MOVE(3) && WHOLE(4)) }
#endif
#if ST > 4
  :: atomic { !(PAIR(1, 5) && PAIR(2, 5) && PAIR(3, 5) && PAIR(4, 5)) -> assert(PAIR(1, 5) && PAIR(2, 5) && PAIR(3, 5) && PAIR(4, 5)) }
  :: atomic { !(MOVE(4) && WHOLE(5)) -> assert(MOVE(4) && WHOLE(5)) }
#endif
  :: atomic { timeout -> assert(SETTLED); break }
  od;
progress_quiet: end_quiet: false }

init { atomic { copy[1] = true; arrived[1] = 2; run Stay(1); run Stay(2); run Stay(3);
#if ST > 3
  run Stay(4);
#endif
#if ST > 4
  run Stay(5);
#endif
  run Node(0); run Node(1); run Monitor() } }
