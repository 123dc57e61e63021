package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/pbft"
)

// hold has the members decide and prints what came of it.
func hold(ctx context.Context, out io.Writer, o options) (err error) {
	j, err := convene(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := j.adjourn(ctx); err == nil {
			err = closeErr
		}
	}()
	x, err := j.decide(ctx, o.timeout)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "proposal     %s\n", x.Question)
	for _, l := range j.liars {
		l.report(out, j.Name(l.id))
	}
	p, err := proofOf(x)
	if err != nil {
		return err
	}
	return p.report(out, j, x, o.out)
}

// report prints what a liar has said, and what came of the certificate that it has made.
func (l *liar) report(out io.Writer, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(out, "%-12s proposes %s\n%-12s and      %s\n", name, l.lies[0], "", l.lies[1])
	fmt.Fprintf(out, "%-12s has sent %d proposals, %d prepares, %d commits, %d false decisions, %d false views\n", "",
		l.said[pbft.PrePrepare], l.said[pbft.Prepare], l.said[pbft.Commit], l.said[pbft.Decided], l.said[pbft.NewView])
	if l.refusal != nil {
		fmt.Fprintf(out, "%-12s has sent the session a certificate of its own: %v\n", "", l.refusal)
	}
}

func (p *proof) report(out io.Writer, j *jury, x *api.Session, dir string) error {
	certificate, keys, err := p.write(dir)
	if err != nil {
		return err
	}
	c := p.certificate
	fmt.Fprintf(out, "\ndecision     %s\n", p.result.Decision)
	fmt.Fprintf(out, "certificate  session %s, view %d (proposers replaced: %d), %d of %d have to sign\n", c.Session, c.View, p.result.View, pbft.Quorum(len(p.members)), len(p.members))
	fmt.Fprintf(out, "             digest %x\n", c.Digest)
	for _, s := range c.Signatures {
		fmt.Fprintf(out, "             %-8s %x...\n", j.Name(s.Member), s.Sig[:min(16, len(s.Sig))])
	}
	fmt.Fprintf(out, "survives     %d of %d members that lie, and %d of the hosts\n", p.result.F, len(p.members), p.result.FByHosts)
	fmt.Fprintf(out, "took         %s\n\n", x.Stats.Duration)
	_, err = fmt.Fprintf(out, "check it without a server:\n  mabus verify %s --keys %s\n", filepath.ToSlash(certificate), filepath.ToSlash(keys))
	return err
}
