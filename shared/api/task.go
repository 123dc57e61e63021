package api

import (
	"encoding/json"
	"time"
)

// Priority orders tasks of one capability. High tasks start first, but low ones always get a tenth of the starts.
type Priority string

// The priorities.
const (
	PriorityHigh Priority = "high"
	PriorityLow  Priority = "low" // the default
)

// TaskStatus is where a task stands. The last three of those below are outcomes: a task gets exactly one, and it never changes.
type TaskStatus string

// The statuses of a task.
const (
	TaskQueued    TaskStatus = "queued"         // waits for a slot, or for the time of its next attempt
	TaskRunning   TaskStatus = "running"        // an agent has it
	TaskWaiting   TaskStatus = "waiting_input"  // it has asked something and goes on when it is answered; it holds no slot
	TaskUnpaid    TaskStatus = "waiting_budget" // a cap on spending was reached; it goes on when the cap is raised; it holds no slot
	TaskSucceeded TaskStatus = "succeeded"      // an agent answered
	TaskFailed    TaskStatus = "failed"         // every allowed attempt failed, or its time ran out
	TaskCancelled TaskStatus = "cancelled"
)

// TaskStatuses lists every status.
var TaskStatuses = []TaskStatus{TaskQueued, TaskRunning, TaskWaiting, TaskUnpaid, TaskSucceeded, TaskFailed, TaskCancelled}

// Ended tells whether s is an outcome.
func (s TaskStatus) Ended() bool { return s == TaskSucceeded || s == TaskFailed || s == TaskCancelled }

// Defaults of a TaskSpec.
const (
	DefaultAttempts    = 3
	DefaultTaskTimeout = Duration(10 * time.Minute)
	DefaultBackoff     = Duration(time.Second)
	DefaultMaxBackoff  = Duration(time.Minute)
)

// TaskSpec is a piece of work for any agent with a capability. It is stored until it has an outcome and runs at least
// once; its outcome is written exactly once.
type TaskSpec struct {
	// ID names the task: submitting the same task again returns the first, for as long as its outcome is kept (7 days at most).
	// Made by the service when left out.
	ID string `json:"id,omitempty"`
	// Job groups tasks.
	Job string `json:"job,omitempty"`
	// Name says for people what the task is about, for example the input that it was made of; up to 1024 bytes.
	Name       string   `json:"name,omitempty"`
	Capability string   `json:"capability"`
	Priority   Priority `json:"priority,omitempty"`
	// Payload is any JSON value; it is the message that the agent gets.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Attempts is how many attempts are allowed; 3 unless given.
	Attempts int `json:"attempts,omitempty"`
	// Timeout is the time that one attempt has; 10 minutes unless given.
	Timeout Duration `json:"timeout,omitzero"`
	// Deadline is when the task fails if it has no outcome by then.
	Deadline time.Time `json:"deadline,omitzero"`
	// Backoff is the wait before the second attempt, doubled for each further one up to a minute; 1s unless given.
	Backoff Duration `json:"backoff,omitzero"`
}

// Validate implements Validator.
func (t *TaskSpec) Validate() error {
	if err := CheckOptionalID("id", t.ID); err != nil {
		return err
	}
	if err := CheckOptionalID("job", t.Job); err != nil {
		return err
	}
	if err := CheckID("capability", t.Capability); err != nil {
		return err
	}
	if len(t.Name) > 1024 {
		return Errorf(Invalid, "name has %d bytes, at most 1024 are allowed", len(t.Name)).WithFields("name")
	}
	if t.Priority != "" && t.Priority != PriorityHigh && t.Priority != PriorityLow {
		return Errorf(Invalid, "priority must be high or low").WithFields("priority")
	}
	if t.Attempts < 0 || t.Attempts > MaxAttempts {
		return Errorf(Invalid, "attempts must be 1 to %d", MaxAttempts).WithFields("attempts")
	}
	if t.Timeout < 0 || t.Backoff < 0 || t.Backoff.Std() > 24*time.Hour {
		return Errorf(Invalid, "timeout and backoff must not be negative, and backoff at most 24h").WithFields("timeout", "backoff")
	}
	if len(t.Payload) > MaxPayload {
		return Errorf(Invalid, "payload has %d bytes, at most %d are allowed", len(t.Payload), MaxPayload).WithReason(ReasonPayloadTooLarge).WithFields("payload")
	}
	return nil
}

// Task is a task and what became of it.
type Task struct {
	TaskSpec
	Status TaskStatus `json:"status"`
	// Principal submitted the task.
	Principal   string    `json:"principal,omitempty"`
	SubmittedAt time.Time `json:"submitted_at"`
	// Attempt is the number of the last attempt that was begun, 0 before the first.
	Attempt    int       `json:"attempt,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// Agent and Host are who runs the task, or ran it last.
	Agent string `json:"agent,omitempty"`
	Host  string `json:"host,omitempty"`
	// Result is the agent's answer, any JSON value.
	Result json.RawMessage `json:"result,omitempty"`
	// Error says why the task failed, or why its last attempt did.
	Error *Error `json:"error,omitempty"`
	// Usage is what the task has cost: what its agent reported with its answer or error, over all attempts whose end is known.
	Usage *Usage `json:"usage,omitempty"`
	// Question is what a task that is waiting_input has asked.
	Question json.RawMessage `json:"question,omitempty"`
	// ReplayOf is the failed task that this one repeats.
	ReplayOf string `json:"replay_of,omitempty"`
}

// The methods of services/agenthost about tasks.
var (
	TasksSubmit = Method[TaskSpec, Task]{
		Service: "agenthost", Noun: "tasks", Verb: "submit", Write: true,
		Doc: "Stores a task. The same id with the same task returns the first one; with another task it is conflict (task_exists).",
	}
	TasksSubmitMany = Method[TasksSubmitManyRequest, TasksSubmitManyResponse]{
		Service: "agenthost", Noun: "tasks", Verb: "submit_many", Write: true,
		Doc: "Stores up to 1000 tasks, each by itself: the answer has one result for each, in order.",
	}
	TasksGet = Method[TaskGetRequest, Task]{
		Service: "agenthost", Noun: "tasks", Verb: "get",
		Doc: "Returns a task, and its outcome once it has one; not_found (task_not_found) otherwise. With wait, waits that long for the outcome.",
	}
	TasksList = Method[TasksListRequest, TasksListResponse]{
		Service: "agenthost", Noun: "tasks", Verb: "list",
		Doc: "Returns tasks by status, job and capability, without payloads and results, a page at a time: those that have ended in the order in which they ended, others in the order in which they were submitted.",
	}
	TasksCancel = Method[TaskCancelRequest, Task]{
		Service: "agenthost", Noun: "tasks", Verb: "cancel", Write: true,
		Doc: "Gives a task the outcome cancelled and stops the agent's work on it; a task that has ended is failed_precondition (cannot_cancel).",
	}
	TasksReplay = Method[TaskReplayRequest, Task]{
		Service: "agenthost", Noun: "tasks", Verb: "replay", Write: true,
		Doc: "Submits a failed task again as a new task that names the failed one; repeating it returns the same new task. Others are failed_precondition (not_replayable).",
	}
	TasksStats = Method[Empty, TasksStatsResponse]{
		Service: "agenthost", Noun: "tasks", Verb: "stats",
		Doc: "Counts stored tasks by capability and priority, and outcomes.",
	}
)

// TasksSubmitManyRequest stores several tasks.
type TasksSubmitManyRequest struct {
	Tasks []TaskSpec `json:"tasks"`
}

// Validate implements Validator; the tasks themselves are checked one by one.
func (r *TasksSubmitManyRequest) Validate() error {
	if len(r.Tasks) == 0 || len(r.Tasks) > MaxBulk {
		return Errorf(Invalid, "tasks must have 1 to %d entries", MaxBulk).WithFields("tasks")
	}
	return nil
}

// TaskResult is what became of one submission of a bulk request: Error is set if it was refused.
type TaskResult struct {
	ID     string     `json:"id"`
	Status TaskStatus `json:"status,omitempty"`
	Error  *Error     `json:"error,omitempty"`
}

// TasksSubmitManyResponse has one result per task, in the order of the request.
type TasksSubmitManyResponse struct {
	Results []TaskResult `json:"results"`
}

// TaskGetRequest asks for one task.
type TaskGetRequest struct {
	ID string `json:"id"`
	// Wait is how long to wait for the outcome; the request's own deadline limits it too.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *TaskGetRequest) Validate() error {
	if r.Wait < 0 || r.Wait.Std().Seconds() > MaxRequestTimeout {
		return Errorf(Invalid, "wait must be 0s to %ds", MaxRequestTimeout).WithFields("wait")
	}
	return CheckID("id", r.ID)
}

// TasksListRequest selects tasks.
type TasksListRequest struct {
	// Status is required: queued covers running and waiting tasks too, since they are stored alike.
	Status     TaskStatus `json:"status"`
	Job        string     `json:"job,omitempty"`
	Capability string     `json:"capability,omitempty"`
	Limit      int        `json:"limit,omitempty"`
	// Cursor is the next of the page before.
	Cursor string `json:"cursor,omitempty"`
}

// Validate implements Validator.
func (r *TasksListRequest) Validate() error {
	switch r.Status {
	case TaskQueued, TaskWaiting, TaskUnpaid, TaskSucceeded, TaskFailed, TaskCancelled:
	default:
		return Errorf(Invalid, "status must be queued, waiting_input, waiting_budget, succeeded, failed or cancelled").WithFields("status")
	}
	if err := CheckOptionalID("job", r.Job); err != nil {
		return err
	}
	if err := CheckOptionalID("capability", r.Capability); err != nil {
		return err
	}
	if err := CheckOptionalID("cursor", r.Cursor); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// TasksListResponse is one page of tasks.
type TasksListResponse struct {
	Tasks []Task `json:"tasks"`
	Next  string `json:"next,omitempty"`
}

// TaskCancelRequest cancels a task.
type TaskCancelRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *TaskCancelRequest) Validate() error {
	if len(r.Reason) > 4096 {
		return Errorf(Invalid, "reason has %d bytes, at most 4096 are allowed", len(r.Reason)).WithFields("reason")
	}
	return CheckID("id", r.ID)
}

// TaskReplayRequest submits a failed task again.
type TaskReplayRequest struct {
	ID string `json:"id"`
}

// Validate implements Validator.
func (r *TaskReplayRequest) Validate() error { return CheckID("id", r.ID) }

// TasksStatsResponse counts tasks.
type TasksStatsResponse struct {
	// Total counts the stored messages of tasks without an outcome, alarms of deadlines among them.
	Total uint64 `json:"total"`
	// Waiting counts tasks without an outcome that wait or run, by capability and priority, for the capabilities that some
	// host has served within a day.
	Waiting map[string]map[Priority]uint64 `json:"waiting"`
	// Outcomes counts the outcomes that are kept.
	Outcomes uint64 `json:"outcomes"`
}
