package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func values(list ...string) []json.RawMessage {
	all := make([]json.RawMessage, len(list))
	for i, v := range list {
		all[i] = json.RawMessage(v)
	}
	return all
}

// report prints what was measured, in the order in which it was asked for, and the best.
func report(out io.Writer, r *agreement.Runtime, x *api.Session) error {
	var result api.SearchResult
	if err := codec.Read(x.Result, &result); err != nil {
		return fmt.Errorf("read the result of session %s: %w", x.ID, err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ROUND\tAGENT\tFILES\tBLOCK\tLEVEL\tDICT\tBYTES\t")
	for i := range result.Evaluations {
		e := &result.Evaluations[i]
		files, score := "all", e.Error
		if e.Budget != nil {
			files = e.Budget.String()
		}
		if e.Score != nil {
			score = e.Score.String()
		}
		best := ""
		if e.Candidate == result.Best.Candidate && e.Rung == result.Best.Rung {
			best = " best"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Round, r.Name(e.Member), files, e.Config["block"], e.Config["level"], e.Config["dict"], score, best)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	b := result.Best
	_, err := fmt.Fprintf(out, "\nbest        blocks of %s bytes at level %s with a dictionary of %s bytes: %s bytes stored and read\n"+
		"candidates  %d, of which %d evaluations failed; stopped: %s\ntook        %s\n",
		b.Config["block"], b.Config["level"], b.Config["dict"], b.Score, result.Candidates, result.Failed, result.Stopped, x.Stats.Duration)
	return err
}
