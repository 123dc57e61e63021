package api

import (
	"encoding/json"
	"time"
)

// Bounds of what a task says before its outcome.
const (
	MaxTaskParts    = 100_000  // parts that are kept of one task; the oldest go first
	MaxCheckpoint   = 8 << 20  // bytes of a checkpoint
	MaxQuestions    = 100      // questions that one task may ask
	MaxQuestionSize = 64 << 10 // bytes of a question, and of an answer
)

// TaskPart is something that a task has said: what its handler sent as chunk or progress, a question and its answer, and at last
// the outcome.
type TaskPart struct {
	// Seq orders the parts of a task. It grows, but not by one.
	Seq  uint64   `json:"seq"`
	Kind PartKind `json:"kind"`
	// Attempt sent the part. What an attempt that failed has sent stays.
	Attempt int             `json:"attempt,omitempty"`
	At      time.Time       `json:"at"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// TaskFollowRequest asks for what a task has said.
type TaskFollowRequest struct {
	ID string `json:"id"`
	// From is the first sequence that is wanted; 0 means from the beginning.
	From uint64 `json:"from,omitempty"`
	// Limit is the most parts of one answer; 100 unless given.
	Limit int `json:"limit,omitempty"`
	// Wait is how long to wait for the next part when there is none yet; the request's own deadline limits it too.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *TaskFollowRequest) Validate() error {
	if r.Wait < 0 || r.Wait.Std().Seconds() > MaxRequestTimeout {
		return Errorf(Invalid, "wait must be 0s to %ds", MaxRequestTimeout).WithFields("wait")
	}
	if err := checkPage(r.Limit); err != nil {
		return err
	}
	return CheckID("id", r.ID)
}

// TaskFollowResponse is what a task has said from a sequence on.
type TaskFollowResponse struct {
	Parts []TaskPart `json:"parts"`
	// Next is the sequence to go on from.
	Next uint64 `json:"next"`
	// Task is the task as it stands, without its payload. It is there when there are no more parts now; when it has ended, none
	// will come.
	Task *Task `json:"task,omitempty"`
}

// TaskAnswerRequest answers the question of a task that waits for input.
type TaskAnswerRequest struct {
	ID string `json:"id"`
	// Answer is any JSON value.
	Answer json.RawMessage `json:"answer"`
	// Seq is that of the question, so that an answer cannot meet another one; the open question unless given.
	Seq uint64 `json:"seq,omitempty"`
}

// Validate implements Validator.
func (r *TaskAnswerRequest) Validate() error {
	if len(r.Answer) == 0 {
		return Errorf(Invalid, "answer is required").WithReason(ReasonMissingFields).WithFields("answer")
	}
	if len(r.Answer) > MaxQuestionSize {
		return Errorf(Invalid, "answer has %d bytes, at most %d are allowed", len(r.Answer), MaxQuestionSize).WithReason(ReasonPayloadTooLarge).WithFields("answer")
	}
	return CheckID("id", r.ID)
}

// The methods of services/agenthost about what tasks say and ask.
var (
	TasksFollow = Method[TaskFollowRequest, TaskFollowResponse]{
		Service: "agenthost", Noun: "tasks", Verb: "follow",
		Doc: "Returns what a task has said from a sequence on, and with wait, waits for more. The parts are kept as long as outcomes are.",
	}
	TasksAnswer = Method[TaskAnswerRequest, Task]{
		Service: "agenthost", Noun: "tasks", Verb: "answer", Write: true,
		Doc: "Answers the open question of a task, which then goes on. The same answer again changes nothing; another one, when the question has been answered, is conflict (already_answered); with no question it is failed_precondition (not_waiting).",
	}
)
