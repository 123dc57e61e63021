package api

// The methods of services/registry about secrets. It keeps what was sealed by those who set it, and can open none of it.
var (
	SecretsSet = Method[SecretSetRequest, Secret]{
		Service: "registry", Noun: "secrets", Verb: "set", Write: true,
		Doc: "Keeps a sealed value under a name, in the place of what was there. Refused with secret_key_missing, secret_key_changed when it is not sealed to the namespace's present key, version_mismatch, too_many_secrets.",
	}
	SecretsGet = Method[GetRequest, Secret]{
		Service: "registry", Noun: "secrets", Verb: "get",
		Doc: "Returns a secret as it was sealed last, which only who holds a key can open: for hosts, and for operators who seal it anew. Refused with secret_not_found.",
	}
	SecretsList = Method[SecretsListRequest, SecretsListResponse]{
		Service: "registry", Noun: "secrets", Verb: "list",
		Doc: "Returns names, keys and versions of secrets, and who set them when, in the order of their names, a page at a time; never what is sealed.",
	}
	SecretsRemove = Method[DeregisterRequest, DeregisterResponse]{
		Service: "registry", Noun: "secrets", Verb: "remove", Write: true,
		Doc: "Removes a secret. What is sealed of it is gone from the store within two hours.",
	}
	SecretKeysList = Method[Empty, SecretKeysResponse]{
		Service: "registry", Noun: "secret_keys", Verb: "list",
		Doc: "Returns the public keys that secrets are sealed to, and which of them is the present one.",
	}
	SecretKeysAdd = Method[SecretKeyAddRequest, SecretKeysResponse]{
		Service: "registry", Noun: "secret_keys", Verb: "add", Write: true,
		Doc: "Makes a public key the one that secrets are sealed to from now on. What was sealed before stays as it is. Refused with secret_key_changed, too_many_secrets.",
	}
	SecretKeysRemove = Method[SecretKeyRemoveRequest, SecretKeysResponse]{
		Service: "registry", Noun: "secret_keys", Verb: "remove", Write: true,
		Doc: "Retires a public key. Refused with secret_key_unknown, and with secret_key_in_use for the present key and one that secrets are still sealed to.",
	}
)

// secretMethods are rows of the method table.
var secretMethods = []Descriptor{
	SecretsSet.Describe(), SecretsGet.Describe(), SecretsList.Describe(), SecretsRemove.Describe(),
	SecretKeysList.Describe(), SecretKeysAdd.Describe(), SecretKeysRemove.Describe(),
}
