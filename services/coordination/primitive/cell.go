package primitive

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
)

// OpenCell raises a cell to a token, making it if there is none. A token below the cell's is fenced (stale_token).
func OpenCell(old *api.Cell, name string, token uint64) (*api.Cell, error) {
	next, err := admit(old, name, token)
	if err != nil || old != nil && old.Token == token {
		return old, err
	}
	return &next, nil
}

// PutCell replaces the value of a cell, and raises it to the token.
func PutCell(old *api.Cell, name string, token uint64, value json.RawMessage) (*api.Cell, error) {
	next, err := admit(old, name, token)
	if err != nil {
		return old, err
	}
	next.Value = value
	next.Version++
	return &next, nil
}

// EmptyCell takes the value of a cell away, and raises it to the token: whoever has a lower one stays fenced.
func EmptyCell(old *api.Cell, name string, token uint64) (*api.Cell, error) {
	next, err := admit(old, name, token)
	if err != nil || old != nil && old.Token == token && old.Value == nil {
		return old, err
	}
	next.Value = nil
	return &next, nil
}

// admit returns a copy of the cell that has seen the token.
func admit(old *api.Cell, name string, token uint64) (api.Cell, error) {
	next := api.Cell{Name: name}
	if old != nil {
		next = *old
	}
	if token < next.Token {
		return next, api.Errorf(api.Fenced, "cell %s has seen the token %d, and %d is older: take the lock again", name, next.Token, token).
			WithReason(api.ReasonStaleToken)
	}
	next.Token = token
	return next, nil
}
