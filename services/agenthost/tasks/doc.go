// Package tasks keeps durable tasks in JetStream and has them run.
//
// Streams: <ns>_tasks holds what has no outcome, one message per task on <ns>.task.<capability>.<high|low>.<id> (a work
// queue: the acknowledgement removes it); a task that waits for its next attempt stands on <ns>.task.<capability>.later.<id>
// as a message schedule, which the server puts back into the queue in time; <ns>.deadline.later.<id>.<hash> is the alarm of a
// task with a deadline. <ns>_results holds the outcomes, one message per task on <ns>.result.<job or ->.<id>; a second one is
// refused by the server. A body too large for a message is in the object store from the submission to the outcome; a failed
// outcome has a copy of its own. Bounds: MaxWaiting tasks and MaxWaitingBytes, above which submissions are refused as
// overloaded; outcomes for a week and MaxResultBytes, of which the oldest tenth goes when they are used up (and what was large of
// them, by its age); large bodies for
// the age that package blob gives them.
//
// <ns>_parts holds what tasks say beside their outcomes, on <ns>.parts.<id>, MaxTaskParts of a task, for a week and MaxPartBytes, of
// which the oldest go first. <ns>_task_state holds what the next attempt at a task needs, one message each: its checkpoint on
// <ns>.checkpoint.<id>, its questions and their answers on <ns>.questions.<id>, until the outcome, at most StateAge, and
// MaxStateBytes, above which writes are refused. Every write of these expects the one before it, so each is stored once and in
// order, and a late attempt is refused by the words of a later one.
//
// A task that asks, or that no budget pays for, is put aside: it stands as a schedule, in nobody's hands, until it is answered or
// the cap is raised. It is looked at again after some time even so, since whoever lets it go on may die between the answer and
// the queue. The answer counts from when it stands among the questions.
//
// A job is removed task by task: first its message in the queue, then what it has said and saved with the large bodies, the outcome last. A host that
// dies in the middle leaves outcomes, by which the next request finds the rest.
//
// A task runs at least once; its outcome is written exactly once, and only then is it acknowledged. What a host's death
// does, at each step:
//   - while the task runs: it is delivered again after AckWait and counts one more attempt;
//   - between the outcome and the acknowledgement: the next host finds the outcome and runs nothing;
//   - between the schedule of a retry and the acknowledgement: the task may run once more than it would have;
//   - between a checkpoint and its use: the next attempt is handed it;
//   - between a question and its record: it is asked once more;
//   - between an answer and the queue: the task goes on at its next look, or when the answer is given again;
//   - between the alarm and the task that it is for: the alarm rings for nothing.
//
// The limit of attempts holds for tasks that kill their hosts too, since the server counts the deliveries. So a delivery that
// is lost with a connection counts as an attempt; one that a host gives back, or cannot read for want of the store, does not.
//
// When the store is away, work goes on and its outcome is written as soon as the store is back. An answer that does not come
// says nothing: every write may be repeated, and what is in doubt is looked up at the stream's leader.
package tasks
