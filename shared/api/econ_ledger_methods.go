package api

// The methods of services/economics about money. Of accounts and holds a principal sees its own, those of the system, and holds that it
// may capture; operators see all.
var (
	AccountsGet = Method[AccountGetRequest, LedgerAccount]{
		Service: "economics", Noun: "accounts", Verb: "get",
		Doc: "Returns what an account has. One that was never used has nothing. Others' are permission_denied (not_owner).",
	}
	AccountsList = Method[AccountsListRequest, AccountsListResponse]{
		Service: "economics", Noun: "accounts", Verb: "list",
		Doc: "Returns the accounts of an owner in the order of their ids, a page at a time.",
	}
	AccountsTransfer = Method[TransferRequest, TransferResponse]{
		Service: "economics", Noun: "accounts", Verb: "transfer", Write: true,
		Doc: "Moves an amount from an account of the principal, or from one in which it has an allowance, to another of the same asset. Refused with insufficient_funds, not_owner, not_spender, allowance_exceeded, asset_mismatch.",
	}
	AccountsMint = Method[MintRequest, LedgerAccount]{
		Service: "economics", Noun: "accounts", Verb: "mint", Write: true,
		Doc: "Makes new units of an asset and puts them into an account: of credit by an operator (operator_only), of another asset by its issuer (not_issuer). Refused with asset_not_found, supply_bound.",
	}
	AccountsBurn = Method[BurnRequest, LedgerAccount]{
		Service: "economics", Noun: "accounts", Verb: "burn", Write: true,
		Doc: "Takes units out of the world again: of credit an operator, of another asset its issuer, who must own the account. Refused as mint is, and with insufficient_funds.",
	}
	AccountsStatement = Method[StatementRequest, StatementResponse]{
		Service: "economics", Noun: "accounts", Verb: "statement",
		Doc: "Returns entries of an account, the newest first, a page at a time. The balance of the first is what the account had at the time of until. Entries that the archive has dropped are failed_precondition (entries_dropped).",
	}
	AccountsWait = Method[AccountWaitRequest, LedgerAccount]{
		Service: "economics", Noun: "accounts", Verb: "wait",
		Doc: "Waits until an account has more entries than after says, and returns what it has, or what it has when the wait is over.",
	}
	AssetsCreate = Method[AssetCreateRequest, Asset]{
		Service: "economics", Noun: "assets", Verb: "create", Write: true,
		Doc: "Makes an asset that the principal may mint and burn. Refused with asset_exists, too_many_assets.",
	}
	AssetsList = Method[PageRequest, AssetsListResponse]{
		Service: "economics", Noun: "assets", Verb: "list",
		Doc: "Returns the assets in the order of their ids, with how much there is of each, a page at a time.",
	}
	HoldsCreate = Method[HoldCreateRequest, Hold]{
		Service: "economics", Noun: "holds", Verb: "create", Write: true,
		Doc: "Sets an amount aside in an account of the principal, or in one in which it has an allowance, for a beneficiary, who alone may capture it. What is not captured goes back when it expires, or when the beneficiary releases it. Refused with hold_exists and as transfer is.",
	}
	HoldsCapture = Method[HoldCaptureRequest, TransferResponse]{
		Service: "economics", Noun: "holds", Verb: "capture", Write: true,
		Doc: "Pays a hold, or a part of it, to an account of the same asset: for its beneficiary and operators. Refused with hold_not_found, insufficient_hold, not_beneficiary; a hold that rules have made is theirs alone.",
	}
	HoldsRelease = Method[HoldKey, Hold]{
		Service: "economics", Noun: "holds", Verb: "release", Write: true,
		Doc: "Gives what is held back to its account: for the beneficiary and operators. Returns the hold as it was. Refused with hold_not_found, not_beneficiary.",
	}
	HoldsGet = Method[HoldKey, Hold]{
		Service: "economics", Noun: "holds", Verb: "get",
		Doc: "Returns an open hold, or not_found (hold_not_found).",
	}
	HoldsList = Method[HoldsListRequest, HoldsListResponse]{
		Service: "economics", Noun: "holds", Verb: "list",
		Doc: "Returns the open holds in an account, or of an owner or a beneficiary, in the order of their ids, a page at a time.",
	}
	AllowancesSet = Method[AllowanceSpec, Allowance]{
		Service: "economics", Noun: "allowances", Verb: "set", Write: true,
		Doc: "Lets another principal spend from an account of the principal within bounds. What was spent before stays spent. Refused with not_owner, too_many_allowances, and failed_precondition when the id stands for another account.",
	}
	AllowancesGet = Method[GetRequest, Allowance]{
		Service: "economics", Noun: "allowances", Verb: "get",
		Doc: "Returns an allowance for its owner and its spender, or not_found (allowance_not_found).",
	}
	AllowancesList = Method[AllowancesListRequest, AllowancesListResponse]{
		Service: "economics", Noun: "allowances", Verb: "list",
		Doc: "Returns the allowances of an owner's accounts, or for a spender, in the order of their ids, a page at a time.",
	}
	AllowancesRemove = Method[DeregisterRequest, Allowance]{
		Service: "economics", Noun: "allowances", Verb: "remove", Write: true,
		Doc: "Removes an allowance of one of the principal's accounts, and returns it as it was. What is held under it stays held. Refused with allowance_not_found, not_owner.",
	}
	LedgerAudit = Method[AuditRequest, AuditResponse]{
		Service: "economics", Noun: "ledger", Verb: "audit",
		Doc: "Counts the whole ledger: for each asset what was issued and what accounts have, and whether everything agrees. For operators (operator_only).",
	}
)

var econLedgerMethods = []Descriptor{
	AccountsGet.Describe(), AccountsList.Describe(), AccountsTransfer.Describe(), AccountsMint.Describe(), AccountsBurn.Describe(),
	AccountsStatement.Describe(), AccountsWait.Describe(), AssetsCreate.Describe(), AssetsList.Describe(),
	HoldsCreate.Describe(), HoldsCapture.Describe(), HoldsRelease.Describe(), HoldsGet.Describe(), HoldsList.Describe(),
	AllowancesSet.Describe(), AllowancesGet.Describe(), AllowancesList.Describe(), AllowancesRemove.Describe(), LedgerAudit.Describe(),
}
