package exec

import (
	"fmt"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

const (
	// fileSuffix ends the names that stand for the path of a file.
	fileSuffix = "_FILE"
	// firstFile is the first descriptor after the standard streams.
	firstFile = 3
	// pipeTime is how long the system may take for what fits into a pipe.
	pipeTime = time.Second
)

// handing is the ends of pipes that a program inherits.
type handing []*os.File

// hand puts secrets into the environment of a program that has not been started. A name that ends in _FILE gets the path of a pipe that
// holds the value, so that it is neither in the environment, which children inherit and the system shows to the same user, nor on a
// disk, and can be read once.
func hand(cmd *osexec.Cmd, secrets map[string]*secret.Value) (handing, error) {
	var all handing
	for name, v := range secrets {
		if !strings.HasSuffix(name, fileSuffix) {
			text, err := v.Env(api.SecretRef(name))
			if err != nil {
				all.close()
				return nil, err
			}
			cmd.Env = append(cmd.Env, name+"="+text)
			continue
		}
		r, err := filled(v)
		if err != nil {
			all.close()
			return nil, startFailed("the secret %s could not be handed over: %v", name, err)
		}
		all = append(all, r)
		cmd.Env = append(cmd.Env, name+"=/dev/fd/"+strconv.Itoa(firstFile+len(cmd.ExtraFiles)))
		cmd.ExtraFiles = append(cmd.ExtraFiles, r)
	}
	return all, nil
}

// filled returns a pipe that holds the value, and whose other end is closed.
func filled(v *secret.Value) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	if err = w.SetWriteDeadline(time.Now().Add(pipeTime)); err == nil {
		_, err = w.Write(v.Bytes())
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

func (h handing) close() {
	for _, f := range h {
		_ = f.Close()
	}
}
