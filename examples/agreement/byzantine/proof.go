package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

// memberKey is a member in the file of keys that `mabus verify` takes.
type memberKey struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// membersOf reads who takes part from the question that the members were asked.
func membersOf(ask json.RawMessage) ([]pbft.Member, *api.ByzantineRun, error) {
	r := new(api.ByzantineRun)
	if err := codec.Read(ask, r); err != nil {
		return nil, nil, fmt.Errorf("read the question to the members: %w", err)
	}
	members := make([]pbft.Member, len(r.Members))
	for i, m := range r.Members {
		key, err := pbft.DecodeKey(m.Key)
		if err != nil {
			return nil, nil, err
		}
		members[i] = pbft.Member{ID: m.ID, Key: key, Host: m.Host}
	}
	return members, r, nil
}

// proof is what convinces somebody who was not there.
type proof struct {
	members     []pbft.Member
	f           int
	result      api.ByzantineResult
	certificate *pbft.Certificate
}

// proofOf reads a session that is over, and checks its certificate by itself.
func proofOf(x *api.Session) (*proof, error) {
	if x.State != api.SessionCompleted || len(x.Rounds) < 2 || len(x.Rounds[1].Asks) == 0 {
		return nil, fmt.Errorf("nothing is decided: the session has %s: %s", x.State, x.Reason)
	}
	members, r, err := membersOf(x.Rounds[1].Asks[0].Ask)
	if err != nil {
		return nil, err
	}
	p := &proof{members: members, f: r.F, certificate: new(pbft.Certificate)}
	if err := codec.Read(x.Result, &p.result); err != nil {
		return nil, fmt.Errorf("read the result of session %s: %w", x.ID, err)
	}
	if err := codec.Read(p.result.Certificate, p.certificate); err != nil {
		return nil, fmt.Errorf("read the certificate of session %s: %w", x.ID, err)
	}
	return p, p.certificate.Verify(p.members, p.f)
}

// write writes the certificate, and the keys to check it with, and returns the names of the files.
func (p *proof) write(dir string) (certificate, keys string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	list := make([]memberKey, len(p.members))
	for i, m := range p.members {
		list[i] = memberKey{ID: m.ID, Key: pbft.EncodeKey(m.Key)}
	}
	certificate, keys = filepath.Join(dir, "certificate.json"), filepath.Join(dir, "keys.json")
	if err := writeJSON(certificate, p.certificate); err != nil {
		return "", "", err
	}
	return certificate, keys, writeJSON(keys, list)
}

func writeJSON(name string, v any) error {
	data, err := codec.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o644)
}
