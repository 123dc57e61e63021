package job

import (
	"fmt"
	"regexp"
	"strings"
)

// Env looks up a variable of the environment, as os.LookupEnv does.
type Env func(name string) (value string, ok bool)

// reference is ${NAME} or ${NAME:-fallback}.
var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^${}]*))?\}`)

// expand puts the values of variables into http.url and http.model of the agents, and nowhere else.
func (j *Job) expand(env Env) *problem {
	for i := range j.Agents {
		h := j.Agents[i].HTTP
		if h == nil {
			continue
		}
		for _, f := range []struct {
			name string
			text *string
		}{{"url", &h.URL}, {"model", &h.Model}} {
			text, err := expand(*f.text, env)
			if err != nil {
				return &problem{fmt.Sprintf("/agents/%d/http/%s", i, f.name), err.Error()}
			}
			*f.text = text
		}
	}
	return nil
}

// expand replaces the references in a text. As in a shell, an empty variable counts as one that is not set.
func expand(text string, env Env) (string, error) {
	var out strings.Builder
	last := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[last:m[0]])
		last = m[1]
		name := text[m[2]:m[3]]
		value, set := env(name)
		switch {
		case set && value != "":
		case m[4] < 0:
			return "", fmt.Errorf("the environment has no %s: set it, or write ${%s:-fallback}", name, name)
		default:
			value = text[m[6]:m[7]]
		}
		out.WriteString(value)
	}
	if strings.Contains(reference.ReplaceAllString(text, ""), "${") {
		return "", fmt.Errorf("a reference to the environment is ${NAME} or ${NAME:-fallback}")
	}
	out.WriteString(text[last:])
	return out.String(), nil
}
