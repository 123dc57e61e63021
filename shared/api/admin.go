package api

// Reasons of refusals to remove.
const (
	ReasonJobHasTasks  = "job_has_tasks"    // failed_precondition: tasks of the job have no outcome yet
	ReasonStillThere   = "still_registered" // failed_precondition: the agent is registered
	ReasonEventsBehind = "events_behind"    // unavailable: the events of what is to be removed are not out yet
)

// JobRemoveRequest removes what is kept of a job.
type JobRemoveRequest struct {
	Job string `json:"job"`
	// Cancel cancels the tasks that have no outcome yet; without it they are a reason to remove nothing.
	Cancel bool `json:"cancel,omitempty"`
	// Next is the next of the answer before.
	Next string `json:"next,omitempty"`
}

// Validate implements Validator.
func (r *JobRemoveRequest) Validate() error {
	if len(r.Next) > MaxIDLength {
		return Errorf(Invalid, "next must be the next of the answer before").WithFields("next")
	}
	return CheckID("job", r.Job)
}

// JobRemoved says what one request has removed.
type JobRemoved struct {
	Job string `json:"job"`
	// Tasks are outcomes that are gone, each with all that was kept of its task.
	Tasks int `json:"tasks"`
	// Cancelled are tasks that had no outcome.
	Cancelled int `json:"cancelled,omitempty"`
	// Next goes on with the job; absent when nothing is left of it.
	Next string `json:"next,omitempty"`
}

// Removed tells whether there was anything to remove.
type Removed struct {
	Existed bool `json:"existed"`
}
