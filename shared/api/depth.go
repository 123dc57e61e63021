package api

// MaxSessionDepth is how many levels of arrays and objects a question, the parameters and an answer may have. What holds them has
// some more, and a reader of JSON gives up at 10,000.
const MaxSessionDepth = 200 // arrays and objects within each other in what members and starters say

// checkDepth refuses what has too many levels.
func checkDepth(field string, raw []byte) *Error {
	if depth(raw) <= MaxSessionDepth {
		return nil
	}
	return Errorf(Invalid, "%s has arrays and objects in more than %d levels", field, MaxSessionDepth).WithFields(field)
}

// depth returns how many levels of arrays and objects there are in a JSON value.
func depth(text []byte) int {
	level, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			level++
			deepest = max(deepest, level)
		case ']', '}':
			level--
		}
	}
	return deepest
}
