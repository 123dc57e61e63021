package api

// SecretKeysResponse tells the keys of the namespace.
type SecretKeysResponse struct {
	// Current is the public key that secrets are sealed to; "" before the first.
	Current  string      `json:"current,omitempty"`
	Keys     []SecretKey `json:"keys"`
	Revision string      `json:"revision,omitempty"`
}

// SecretKeyAddRequest adds a key, by its public half.
type SecretKeyAddRequest struct {
	Key string `json:"key"`
	// Expect is the key that is the present one now; "" if there is none yet.
	Expect string `json:"expect,omitempty"`
}

// Validate implements Validator.
func (r *SecretKeyAddRequest) Validate() error {
	if err := checkCurveKey("key", r.Key); err != nil {
		return err
	}
	if r.Expect == "" {
		return nil
	}
	return checkCurveKey("expect", r.Expect)
}

// SecretKeyRemoveRequest retires a key.
type SecretKeyRemoveRequest struct {
	Key string `json:"key"`
}

// Validate implements Validator.
func (r *SecretKeyRemoveRequest) Validate() error { return checkCurveKey("key", r.Key) }
