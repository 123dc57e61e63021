package doctor

import (
	"slices"
	"strings"
	"time"
)

const (
	maxSkew   = 2 * time.Second     // between clocks, beyond what the measurement may be off
	soon      = 14 * 24 * time.Hour // before something expires
	fullShare = 90                  // per cent
)

var serverRules = []rule{
	{
		code: "unknown", severity: Unknown,
		why: "What was not looked at may be wrong.", do: "give the command what it lacks, or look yourself",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, u := range f.Unknown {
				found(u[0], "it could not be looked at: %s", u[1])
			}
		},
	},
	{
		code: "open_network", severity: Critical,
		why: "Whoever reaches the server may do anything, in anybody's name.", do: "make credentials with `mabus auth init` and run strict, or keep the server on loopback",
		find: func(f *Facts, found func(string, string, ...any)) {
			if f.Server.Open && !f.Server.Loopback {
				found("server", "it asks nobody who he is, and is reached over a network")
			}
		},
	},
	{
		code: "no_tls", severity: Warning,
		why: "What passes between processes, credentials' proofs among it, can be read and changed on the way.", do: "give the server certificates: see docs/security.md",
		find: func(f *Facts, found func(string, string, ...any)) {
			if !f.Server.Loopback && !f.Server.TLS {
				found("server", "the connection goes over a network without TLS")
			}
		},
	},
	{
		code: "sync_interval", severity: Warning,
		why: "A loss of power may cost what was acknowledged in that time: money and locks among it.", do: "set `sync_interval: always` in the server's jetstream section",
		find: func(f *Facts, found func(string, string, ...any)) {
			if s := f.Server.Sync; s != nil && *s > 0 && !f.Server.Loopback {
				found("server", "what is acknowledged is on the disk up to %s later", *s)
			}
		},
	},
	{
		code: "account_full", severity: Critical,
		why: "When the account is full nothing is stored any more, whatever room streams have.", do: "raise max_file_store of the server or the account's limit, or remove what nobody needs",
		find: func(f *Facts, found func(string, string, ...any)) {
			if s := f.Server; s.MaxBytes > 0 && s.Bytes/100*100 >= s.MaxBytes/100*fullShare {
				found("server", "%d of %d bytes are used", s.Bytes, s.MaxBytes)
			}
		},
	},
	{
		code: "permissions", severity: Warning,
		why: "What may not be asked is not examined, and operators cannot mend what they may not touch.", do: "run the doctor with an operator's credentials (--creds)",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, d := range f.Denied {
				found(d, "these credentials are refused it")
			}
		},
	},
	{
		code: "clock_skew", severity: Warning,
		why: "Deadlines of requests, expiries of credentials and the times in events are judged by the clock of each machine.", do: "run NTP on every machine: timedatectl set-ntp true, where systemd is",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, c := range f.Clocks {
				if c.Ahead.Abs()-c.Within > maxSkew {
					found(c.Who, "its clock is %s ahead of this machine's, give or take %s", c.Ahead.Round(time.Millisecond), c.Within.Round(time.Millisecond))
				}
			}
		},
	},
	{
		code: "expired", severity: Critical,
		why: "Who has it is refused from then on.", do: "renew it: `mabus auth rotate` for credentials, your authority for certificates",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, p := range f.Papers {
				if !p.Expires.IsZero() && !p.Expires.After(f.At) {
					found(p.What, "it has expired at %s", p.Expires.Format(time.RFC3339))
				}
			}
		},
	},
	{
		code: "expires_soon", severity: Warning,
		why: "Who has it is refused from then on.", do: "renew it: `mabus auth rotate` for credentials, your authority for certificates",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, p := range f.Papers {
				if p.Expires.After(f.At) && p.Expires.Before(f.At.Add(soon)) {
					found(p.What, "it expires at %s", p.Expires.Format(time.RFC3339))
				}
			}
		},
	},
	{
		code: "versions", severity: Notice,
		why: "Two versions beside one another are in order while an upgrade is under way, and not for good.", do: "bring the upgrade to its end: see docs/operations.md",
		find: func(f *Facts, found func(string, string, ...any)) {
			if v := versions(f); len(v) == 2 {
				found("processes", "two versions run: %s", strings.Join(v, " and "))
			}
		},
	},
	{
		code: "many_versions", severity: Warning,
		why: "A version works with the one before it, and with no other.", do: "bring all processes to one version: see docs/operations.md",
		find: func(f *Facts, found func(string, string, ...any)) {
			if v := versions(f); len(v) > 2 {
				found("processes", "%d versions run: %s", len(v), strings.Join(v, ", "))
			}
		},
	},
}

// versions are those of live processes.
func versions(f *Facts) []string {
	var all []string
	for _, s := range f.Services {
		if s.Live && s.Version != "" {
			all = append(all, s.Version)
		}
	}
	for _, h := range f.Hosts {
		if h.Live && h.Version != "" {
			all = append(all, h.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
