// Package pbft holds the pure rules of Byzantine agreement: n members decide on the same values although up to f of them
// lie, say different things to different members, or say nothing. It is the protocol of Castro and Liskov, "Practical
// Byzantine Fault Tolerance", OSDI 1999; sections named in comments are of that paper.
//
// A Node is one member. Bytes and the time go in (Step, Tick, Propose, Validated), and Ready returns what is to be done:
// messages to send to all, proposals to judge, decisions, and when to call Tick. A Node has no clock, no goroutine and no
// randomness of its own: the same inputs give the same outputs. Package run drives one over NATS.
//
// How it differs from the paper:
//   - There are no clients. A session decides the values of the sequences 1 to Config.Sequences; each member may bring a value
//     of its own for each, and the primary of the view proposes its own. The timer therefore runs until all is decided.
//   - A member prepares only what its validator has approved. The validators of honest members may differ about a proposal;
//     then it may fail in its view, and the next primary proposes another.
//   - The values that a new view must keep are not listed by its primary: each member derives them from the view changes (4.4).
//   - A member that lacks something asks for it; decisions are handed on as certificates, which convince anybody.
//
// Promised, while at most f of n >= 3f+1 members are faulty: no two honest members decide differently, ever; and all of them
// decide once messages arrive in bounded time, provided that honest members bring values that honest members approve.
//
// A member that restarts without its memory may vote twice: it is a faulty member, and must be counted within f. Unless it
// runs as Config.Learner: then it casts no votes, and only learns what the others decide.
package pbft
