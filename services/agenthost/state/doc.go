// Package state keeps what agents save of themselves for their next start, on this host or another. It owns the KV bucket
// <namespace>_state: one record per agent under the agent's id, and the parts of states above 64 KiB under
// <agent>.<body>.<n>; 1 GiB at most, 2 revisions of each key. A full bucket refuses saves as overloaded. States have no age:
// they go with Remove or Sweep once their agent is no longer registered.
//
// A record belongs to one instance of an agent: to a start by one claim of one registration. Load takes the record over by
// compare-and-set before it returns the state, and each save expects the revision that its instance has written last, so an
// instance that was taken over from can save no more.
//
// For an agent that has never saved there is nothing to take over, and Load writes nothing: agents without a state cost one
// read per start. The first save of all therefore comes in three steps: an empty record under the instance's name, then a
// look at the registry whether its claim still is the agent's, then the state. A later claim is in the registry before its Load
// reads. If that read came before the empty record, the look finds the later claim and nothing is saved; if it came after,
// Load has taken the record over and the state is refused. An instance that has ended is the same to the next one of its
// claim, and for that Close stands in for the registry.
//
// Claims of one registration are ordered by their epochs. A new registration of an id begins at epoch 1 again: it neither
// sees the state of the old one nor is fenced by it, and which of two registrations is the later one is told by the
// registry's own revisions, not by clocks.
//
// What happens when a host dies, or its connection is away, at each step:
//   - in Load, before the record is taken over: nothing has happened;
//   - after that: the next Load takes it over from this one;
//   - in the first save, before the state is written: an empty record is left, which says that nothing was saved;
//   - in the save of a large state, before the record points to it: the record names the parts as rubbish, and the next Load
//     or Save removes them; the state is the former one;
//   - after the record points to it, before the former parts are removed: the same;
//   - a save whose acknowledgement is lost is looked up at the leader until the caller's time is over. Then it is unavailable
//     (maybe_executed), and the next save of the instance begins by looking what became of it;
//   - an instance that was taken over from while it wrote parts removes them itself. If it dies in that moment too, and after
//     the new one's next save, they stay until the agent is removed.
//
// While the stream changes its leader, a server that has just been deposed may answer one more read without knowing. So a Load
// can miss the very first state of an agent if that was saved in just that moment. Its instance's first save finds out, is
// refused as failed_precondition, and the agent is to be started again.
package state
