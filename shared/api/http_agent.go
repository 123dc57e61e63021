package api

import (
	"encoding/json"
	"net/url"
	"strings"
)

// HTTPFormat is how an http agent speaks with its endpoint.
type HTTPFormat string

// The formats.
const (
	// HTTPJSON posts the message's payload and takes the JSON of the answer as the agent's answer.
	HTTPJSON HTTPFormat = "json"
	// HTTPChat speaks the chat completions of OpenAI and of the many servers that have the same form, with server-sent events
	// when the answer is wanted in parts. A message is {"prompt"} or {"messages"}, and may name max_tokens and temperature; the
	// answer is {"text","finish_reason","model"}.
	HTTPChat HTTPFormat = "chat"
)

// HTTPSpec is what an http agent is made of.
type HTTPSpec struct {
	// URL is the endpoint, http or https: the whole of it for json, the part before /chat/completions for chat.
	URL    string     `json:"url"`
	Format HTTPFormat `json:"format,omitempty"`
	// Headers are sent with every request.
	Headers map[string]string `json:"headers,omitempty"`
	// KeyEnv names the environment variable of the agent host that holds the bearer token. The token itself is nowhere stored. Where the
	// namespace is strict, the host's operator must allow the name.
	KeyEnv string `json:"key_env,omitempty"`
	// Key says where the bearer token is, instead of KeyEnv.
	Key SecretRef `json:"key,omitempty"`
	// Model is the model of a chat.
	Model string `json:"model,omitempty"`
	// MaxTokens bounds the tokens of one answer of a chat; a message may ask for fewer.
	MaxTokens int `json:"max_tokens,omitempty"`
	// System is put before the messages of a chat.
	System string `json:"system,omitempty"`
	// PriceIn and PriceOut are for a million tokens of the message and of the answer.
	PriceIn  Micro `json:"price_in,omitzero"`
	PriceOut Micro `json:"price_out,omitzero"`
	// PriceCall is for each call.
	PriceCall Micro `json:"price_call,omitzero"`
	// Guard stands between the agent and its endpoint.
	Guard GuardSpec `json:"guard,omitzero"`
}

// DefaultMaxTokens bounds the answer of a chat whose specification names no bound.
const DefaultMaxTokens = 1024

// Validate implements Validator.
func (s *HTTPSpec) Validate() error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Errorf(Invalid, "http.url must be an http or https URL with a host").WithFields("http.url")
	}
	if u.User != nil {
		return Errorf(Invalid, "http.url must hold no password: name an environment variable in http.key_env").WithFields("http.url")
	}
	switch s.Format {
	case "", HTTPJSON:
	case HTTPChat:
		if s.Model == "" {
			return Errorf(Invalid, "http.model is required for a chat").WithReason(ReasonMissingFields).WithFields("http.model")
		}
	default:
		return Errorf(Invalid, "http.format must be json or chat").WithFields("http.format")
	}
	size := len(s.URL) + len(s.System) + len(s.Model)
	for k, v := range s.Headers {
		if k == "" || strings.ContainsAny(k, " :\r\n\x00") || strings.ContainsAny(v, "\r\n\x00") {
			return Errorf(Invalid, "http.headers: %.80q is no header", k).WithFields("http.headers")
		}
		size += len(k) + len(v)
	}
	if size > MaxMetadata {
		return Errorf(Invalid, "http has %d bytes of text, at most %d are allowed", size, MaxMetadata).WithFields("http")
	}
	if strings.ContainsAny(s.KeyEnv, "=\x00") {
		return Errorf(Invalid, "http.key_env is the name of an environment variable").WithFields("http.key_env")
	}
	if s.Key != "" {
		if s.KeyEnv != "" {
			return Errorf(Invalid, "http: give either key or key_env").WithFields("http.key")
		}
		if err := checkSecretRef("http.key", s.Key); err != nil {
			return err
		}
	}
	if s.MaxTokens < 0 || s.PriceIn < 0 || s.PriceOut < 0 || s.PriceCall < 0 {
		return Errorf(Invalid, "http: max_tokens and prices must not be negative").WithFields("http")
	}
	return s.Guard.Validate()
}

// ChatMessage is one message of a chat.
type ChatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ChatRequest is the payload of a message to an http agent of the format chat. Exactly one of Prompt and Messages is given.
type ChatRequest struct {
	Prompt      string        `json:"prompt,omitempty"`
	Messages    []ChatMessage `json:"messages,omitempty"`
	MaxTokens   int           `json:"max_tokens,omitempty"`
	Temperature *float64      `json:"temperature,omitempty"`
	// Extra fields are passed on to the endpoint.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// Validate implements Validator.
func (r *ChatRequest) Validate() error {
	if (r.Prompt == "") == (len(r.Messages) == 0) {
		return Errorf(Invalid, "give either prompt or messages").WithFields("prompt", "messages")
	}
	if r.MaxTokens < 0 {
		return Errorf(Invalid, "max_tokens must not be negative").WithFields("max_tokens")
	}
	return checkObject("extra", r.Extra)
}

// ChatAnswer is the answer of an http agent of the format chat. Its chunks are {"text"}.
type ChatAnswer struct {
	Text         string `json:"text"`
	FinishReason string `json:"finish_reason,omitempty"`
	Model        string `json:"model,omitempty"`
}
