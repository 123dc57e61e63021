package events

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Headers of a message that is one of a batch which the stream stores all at once (NATS ADR-50).
const (
	headerBatch    = "Nats-Batch-Id"
	headerBatchSeq = "Nats-Batch-Sequence"
	headerCommit   = "Nats-Batch-Commit"
)

// maxBatches is how many batches one replica sends at a time: the server takes 50 of a stream.
const maxBatches = 8

func (s *Store) appendMany(ctx context.Context, r *api.EventAppendManyRequest) (*api.EventAppendManyResponse, error) {
	if len(r.Events) == 0 {
		return &api.EventAppendManyResponse{Receipts: []api.EventReceipt{}}, nil
	}
	cause, now, bytes := rpc.CauseFrom(ctx), time.Now(), 0
	all := make([]*writing, len(r.Events))
	for i := range r.Events {
		w, err := s.write(cause, r.Events[i], newID(cause, "-"+strconv.Itoa(i)), now)
		if err != nil {
			return nil, err
		}
		if bytes += len(w.body); bytes > api.MaxEventBytes {
			e := api.Errorf(api.Invalid, "the events have more than %d bytes together: append them in several batches", api.MaxEventBytes).WithReason(api.ReasonDataTooLarge)
			e.Details.Size, e.Details.MaxSize = int64(bytes), api.MaxEventBytes
			return nil, e
		}
		all[i] = w
	}
	select {
	case s.batches <- struct{}{}:
		defer func() { <-s.batches }()
	default:
		return nil, api.Errorf(api.Overloaded, "%d batches are being stored by this replica: try again", maxBatches).WithReason(api.ReasonServerFull)
	}
	receipts, err := s.store(ctx, cause, all, func(ctx context.Context) (uint64, error) { return s.publishBatch(ctx, all) })
	if err != nil {
		return nil, err
	}
	return &api.EventAppendManyResponse{Receipts: receipts, Revision: receipts[0].Revision}, nil
}

// publishBatch sends all events as one batch and returns the sequence of the last.
func (s *Store) publishBatch(ctx context.Context, all []*writing) (uint64, error) {
	batch := []string{nuid.Next()}
	for i, w := range all {
		msg := &nats.Msg{Subject: w.subject, Data: w.body, Header: s.expectNone()}
		msg.Header[headerBatch] = batch
		msg.Header[headerBatchSeq] = []string{strconv.Itoa(i + 1)}
		if i == len(all)-1 {
			msg.Header[headerCommit] = []string{"1"}
			return s.publish(ctx, msg)
		}
		if err := s.conn.NC.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
