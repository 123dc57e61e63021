package lockcheck

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// patience is how long the search for an order may take. A history in which few operations have no outcome takes milliseconds.
const patience = time.Minute

// never is a time after every other.
const never = math.MaxInt64

// step is an operation as the models see it. One that returns at the end of time may happen after all others, and has then
// changed nothing that anybody saw: that is how the models express that it may not happen at all.
type step struct {
	op        Op
	call, ret int64
}

func linearize(what string, m porcupine.Model, steps []step) error {
	ops := make([]porcupine.Operation, len(steps))
	for i := range steps {
		ops[i] = porcupine.Operation{ClientId: steps[i].op.Client, Input: &steps[i].op, Call: steps[i].call, Return: steps[i].ret}
	}
	switch porcupine.CheckOperationsTimeout(m, ops, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%s: no verdict on %d operations within %s: check a shorter history", what, len(ops), patience)
	default:
		return fmt.Errorf("%s: there is no order of its %d operations that the clients could have seen", what, len(ops))
	}
}

// lockState is who holds a lock, as a sum, and the newest token that was granted.
type lockState struct {
	taken int
	last  uint64
}

// lockModel is a lock of any kind: grants come in the order of the tokens and never exceed the capacity.
func lockModel(capacity int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return lockState{} },
		Step: func(state, input, _ any) (bool, any) {
			s, o := state.(lockState), input.(*Op)
			if o.Kind != Acquire {
				return s.taken >= o.Takes, lockState{s.taken - o.Takes, s.last}
			}
			return s.taken+o.Takes <= capacity && o.Token > s.last, lockState{s.taken + o.Takes, o.Token}
		},
		DescribeOperation: func(input, _ any) string { return input.(*Op).String() },
	}
}

// cellState is the highest token that a cell has seen, and its value.
type cellState struct {
	token uint64
	value string
}

// cellModel is a register that refuses tokens below the highest that it has seen.
var cellModel = porcupine.Model{
	Init: func() any { return cellState{} },
	Step: func(state, input, _ any) (bool, any) {
		s, o := state.(cellState), input.(*Op)
		open := o.Token >= s.token
		switch {
		case o.Kind == Get:
			return o.Value == s.value, s
		case o.Unknown && !open:
			return true, s
		case !o.Unknown && o.OK != open:
			return false, s
		case !open:
			return true, s
		case o.Kind == Open:
			return o.Unknown || o.Value == s.value, cellState{o.Token, s.value}
		default:
			return true, cellState{o.Token, o.Value}
		}
	},
	DescribeOperation: func(input, _ any) string { return input.(*Op).String() },
}
