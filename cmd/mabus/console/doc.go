// Package console serves the web console: a page about the fleet, the jobs, the market and the events of one namespace, to browsers
// on this machine, from files that are part of the binary.
//
// It is one client of the namespace among others: it reads through the SDK, over one connection that it opens when somebody looks.
// Each page is a set of tables, and each table has a feed that reads it at its pace, and sooner when an event hints at a change. All
// browsers that look at one page share its feeds, which end with the last of them, so nothing is asked while nobody looks.
//
// A browser gets a snapshot and then the rows that change. Every message says of each table when it was last read, and why it could
// not be read since, so that what is old is shown as old. A browser that does not keep up is cut off; it comes back and gets a
// new snapshot. So after a lost connection, to here or from here to NATS, nothing has to be mended.
//
// Bounds: MaxConnections connections and MaxBrowsers streams and snapshots at a time, maxFrames messages that wait for one browser,
// maxRows rows of a table, maxBody bytes of a JSON value within a row. What may hold secrets (environments, configurations and headers of agents) is not sent.
//
// Without Config.Write there is no route that changes anything. A console that writes, or that others than this machine reach, has a
// token, without which its routes answer nothing but the files of the page itself.
package console
