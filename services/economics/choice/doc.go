// Package choice holds the pure rules of choices under constraints: which tasks to do under a budget, which of several options to take
// when several things matter, and who shall do which subtask. Each of them is exact within the bounds of the API; equally good choices
// go to what comes first in the request.
package choice
