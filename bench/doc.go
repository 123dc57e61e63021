// Package bench measures Mabus on one machine against what plain NATS does there, and against nothing else: figures of two
// machines, or of two runs, say little about each other, but a ratio taken in one run says what Mabus costs.
//
// The services run in this process as mabus up runs them, on a connection of their own, and clients on others, all over TCP
// to a server that the caller provides: best one in another process, so that its memory and its time on the CPU are not
// taken for ours. Each measurement has sides that take turns in rounds (A B A B ...), so that whatever else the machine does
// meets them alike. A figure is the median of its rounds, its spread their least and greatest; a ratio is taken within each
// round. Nothing is asserted.
//
// The suite "agents" has the agents in a host in a process of its own, so that its memory is known by itself, and so are the
// programs among the agents and the readers of many streams: this program again, by Worker. One program is in Python, echo.py,
// as agents in other languages are; what cannot be measured without it is in the report's notes. Some of the figures are set
// against a bare pipe, a function or net/http rather than NATS.
//
// The suite "perfmon" has replicas of the monitor in such processes as well, so that what they take of the processors is known without that of
// the clients.
package bench
