package api

// The methods of services/registry about the configuration, and the one that every process answers.
var (
	ConfigGet = Method[ConfigGetRequest, ConfigGetResponse]{
		Service: "registry", Noun: "config", Verb: "get",
		Doc: "Returns what is set in the namespace, all of it or at some paths, with the registered defaults under it if asked for. Refuses with not_found (unknown_path) where nothing is, and with path_under_scalar.",
	}
	ConfigSet = Method[ConfigSetRequest, ConfigChanged]{
		Service: "registry", Noun: "config", Verb: "set", Write: true,
		Doc: "Sets up to 100 paths, and takes away what is set at others, in one step, all or none; nobody sees half of it. With version, another version is conflict (config_changed). Refuses with unknown_path, path_under_scalar, conflicting_paths, null_value, value_refused, config_too_large or protected_path, and changes nothing then.",
	}
	ConfigUnset = Method[ConfigUnsetRequest, ConfigChanged]{
		Service: "registry", Noun: "config", Verb: "unset", Write: true,
		Doc: "Takes away what is set at up to 100 paths, in one step: environment, flags and defaults hold there again. What is not set stays so. Refuses as set does.",
	}
	ConfigDiff = Method[ConfigDiffRequest, ConfigDiffResponse]{
		Service: "registry", Noun: "config", Verb: "diff",
		Doc: "Says how two versions differ, or one and the newest; version 0 is empty. Refuses with config_version_not_found.",
	}
	ConfigHistory = Method[ConfigHistoryRequest, ConfigHistoryResponse]{
		Service: "registry", Noun: "config", Verb: "history",
		Doc: "Returns who has changed what and when, newest first, a page at a time, of the last 1000 changes.",
	}
	ConfigRollback = Method[ConfigRollbackRequest, ConfigChanged]{
		Service: "registry", Noun: "config", Verb: "rollback", Write: true,
		Doc: "Makes the document what it was at a version, by a change of its own; version 0 is empty. Refuses with config_version_not_found, and as set does.",
	}
	ConfigReset = Method[ConfigResetRequest, ConfigChanged]{
		Service: "registry", Noun: "config", Verb: "reset", Write: true,
		Doc: "Takes away all that is set in one section or in all of them, by a change that can be rolled back. Refuses with section_not_found, and as set does.",
	}
	ConfigDescribe = Method[ConfigDescribeRequest, ConfigDescribeResponse]{
		Service: "registry", Noun: "config", Verb: "describe",
		Doc: "Returns the registered sections: what may be set, within which bounds, what is the default, and what needs a restart. Refuses with section_not_found.",
	}
	ConfigRegister = Method[ConfigRegisterRequest, ConfigRegistered]{
		Service: "registry", Noun: "config", Verb: "register", Write: true,
		Doc: "Registers a section with its schema and its defaults, as services do when they start; again it changes nothing, and an older schema never takes the place of a newer one. The answer names what is set and not accepted. Refuses with invalid_schema or too_many_sections.",
	}
	ConfigWatch = Method[Empty, WatchResponse]{
		Service: "registry", Noun: "config", Verb: "watch",
		Doc: "Tells the subject on which every change of the document is published as a CloudEvent.",
	}
	ConfigStatsGet = Method[Empty, ConfigStats]{
		Service: "registry", Noun: "config", Verb: "stats",
		Doc: "Tells how many changes there were, when the last was and whose, how large the document is, and how far back the history goes.",
	}
	ConfigInForceGet = Method[ConfigEffectiveRequest, ConfigEffective]{
		Service: "setting", Noun: "sections", Verb: "effective",
		Doc: "Every process answers by what it goes, and where it has each value from: the document, its environment, a flag or a default. A request gets as many answers as there are processes.",
	}
)

// configMethods are rows of the method table.
var configMethods = []Descriptor{
	ConfigGet.Describe(), ConfigSet.Describe(), ConfigUnset.Describe(), ConfigDiff.Describe(), ConfigHistory.Describe(), ConfigRollback.Describe(),
	ConfigReset.Describe(), ConfigDescribe.Describe(), ConfigRegister.Describe(), ConfigWatch.Describe(), ConfigStatsGet.Describe(), ConfigInForceGet.Describe(),
}
