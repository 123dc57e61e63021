package backup

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	// fencedKey is in the metadata of a stream that takes no more writes; its value is the list of the subjects that it had.
	fencedKey   = "mabus-fenced"
	fencePrefix = api.Fence
)

// FencedSubject is the only subject of a stream that is fenced.
func FencedSubject(stream string) string { return "mabus-fenced." + stream }

// Fence makes the stores of a namespace refuse every write, and whatever was acknowledged before stands in them. A stream gives its subjects
// to another one, beside it, that has no room for a message. So whoever writes is told that the store is full; and whoever sets a stream up
// anew, as processes do when they start, is refused, since its subjects are taken.
func Fence(ctx context.Context, conn *rpc.Conn) error {
	s := newServer(conn)
	for _, store := range api.Stores {
		if err := s.fence(ctx, store.Stream(conn.Namespace)); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) fence(ctx context.Context, stream string) error {
	for try := 0; ; try++ {
		i, err := s.stream(ctx, stream)
		if err != nil || i == nil {
			return err
		}
		cfg, err := i.settings()
		if err != nil {
			return err
		}
		subjects := cfg.Subjects
		if had := cfg.Metadata[fencedKey]; had != "" {
			if err := codec.Read([]byte(had), &subjects); err != nil {
				return fmt.Errorf("read the subjects that %s had: %w", stream, err)
			}
		} else {
			had, err := codec.Marshal(subjects)
			if err != nil {
				return err
			}
			if err := s.update(ctx, stream, configured(i.Config, []string{FencedSubject(stream)}, fencedKey, string(had))); err != nil {
				return err
			}
		}
		err = s.ask(ctx, "STREAM.CREATE."+fencePrefix+stream, map[string]any{
			"name": fencePrefix + stream, "subjects": subjects, "max_bytes": 1, "discard": "new", "storage": "file", "retention": "limits", "num_replicas": 1,
			"max_consumers": -1, "max_msgs": -1, "max_msg_size": -1,
		}, nil)
		if err == nil {
			return nil
		}
		if try == wrongTries { // a process has set the stream up again between the two steps, more than once
			return fmt.Errorf("fence %s: %w", stream, err)
		}
	}
}

// Unfence undoes Fence, as far as it came. Of a namespace without a fence it changes nothing.
func Unfence(ctx context.Context, conn *rpc.Conn) error {
	s := newServer(conn)
	for _, store := range api.Stores {
		stream := store.Stream(conn.Namespace)
		if err := s.remove(ctx, fencePrefix+stream); err != nil {
			return err
		}
		i, err := s.stream(ctx, stream)
		if err != nil {
			return err
		}
		if i == nil {
			continue
		}
		config, fenced, err := unfenced(i)
		if err != nil {
			return err
		}
		if fenced {
			if err := s.update(ctx, stream, config); err != nil {
				return err
			}
		}
	}
	return nil
}

// unfenced is the configuration that a stream has without a fence.
func unfenced(i *info) (json.RawMessage, bool, error) {
	cfg, err := i.settings()
	if err != nil {
		return nil, false, err
	}
	had := cfg.Metadata[fencedKey]
	if had == "" {
		return i.Config, false, nil
	}
	var subjects []string
	if err := codec.Read([]byte(had), &subjects); err != nil {
		return nil, false, fmt.Errorf("read the subjects that %s had: %w", cfg.Name, err)
	}
	config, err := codec.Marshal(configured(i.Config, subjects, fencedKey, ""))
	return config, true, err
}

// configured is a configuration with other subjects, if there are any, and with a key in its metadata, or without it if the value is empty.
func configured(config json.RawMessage, subjects []string, key, value string) map[string]json.RawMessage {
	cfg := map[string]json.RawMessage{}
	_ = codec.Read(config, &cfg) // whoever has it has read it before
	meta := map[string]string{}
	if len(cfg["metadata"]) > 0 {
		_ = codec.Read(cfg["metadata"], &meta)
	}
	if delete(meta, key); value != "" {
		meta[key] = value
	}
	cfg["metadata"], _ = codec.Marshal(meta)
	if subjects != nil {
		cfg["subjects"], _ = codec.Marshal(subjects)
	}
	return cfg
}
