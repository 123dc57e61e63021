// Package tasks keeps durable tasks in JetStream and has them run.
//
// Streams: <ns>_tasks holds what has no outcome, one message per task on <ns>.task.<capability>.<high|low>.<id> (a work
// queue: the acknowledgement removes it); a task that waits for its next attempt stands on <ns>.task.<capability>.later.<id>
// as a message schedule, which the server puts back into the queue in time; <ns>.deadline.later.<id> is the alarm of a task
// with a deadline. <ns>_results holds the outcomes, one message per task on <ns>.result.<job or ->.<id>; a second one is
// refused by the server. Bounds: MaxWaiting tasks and MaxWaitingBytes, above which submissions are refused as overloaded;
// outcomes for a week and MaxResultBytes.
//
// A task runs at least once; its outcome is written exactly once, and only then is it acknowledged. When a host dies while
// it runs a task, the task is delivered again after AckWait and counts one more attempt; when it dies between the outcome
// and the acknowledgement, the next host finds the outcome and runs nothing. The limit of attempts holds for tasks that kill
// their hosts too, since the server counts the deliveries. When a host dies between the schedule of a retry and the
// acknowledgement, the task may run once more than it would have; the outcome is still one.
package tasks
