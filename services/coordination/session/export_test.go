package session

// Room bounds the bytes of the sessions in a state.
func (s *State) Room(n int) { s.room = n }
