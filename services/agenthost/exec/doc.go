// Package exec runs agents that are programs of any language: a worker reads JSON frames from its standard input, one per
// line, and writes its answers to its standard output; what it writes to standard error goes to the host's log.
// docs/exec.md specifies the frames.
//
// A Process owns one program and everything that the program starts in its process group, four goroutines (life, writer,
// and the readers of standard output and standard error), one more for a worker that saves states, and at most 256 for calls
// that the worker makes. All of them are gone when Done is closed. One OS thread is held while the program runs: the goroutine that starts it also waits
// for it, locked to that thread, because Linux kills the program when its creating thread ends, and that shall be the end
// of the host and nothing else.
//
// What bounds it: spec.Concurrency messages are with the worker at once, spec.Mailbox calls of Handle wait for their turn,
// one line has at most Options.MaxLine bytes in either direction, and a worker that does not read, keeps a cancelled
// message or writes junk is killed as crashed. Parts of answers wait for their readers in queues that are bounded by
// number and in bytes, as do its saves, of which 16 may be open with MaxState bytes each; when there is no room, the worker's output is not read. The goroutines that call Handle hand the
// parts on, so streaming needs none of its own.
package exec
