package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one way in which an origin, or what stands between it and its readers,
// misbehaves. The zero value is [NoFault].
type Fault string

// NoFault is an origin that serves the newspaper as it should.
const NoFault Fault = ""

// The faults of the origin's name. The local nameserver tells them, and the control
// nameserver the truth, except where both are named.
const (
	DNSNXDomain  Fault = "dns-nxdomain"
	DNSEmpty     Fault = "dns-empty"
	DomainGone   Fault = "domain-gone"
	DNSBogon     Fault = "dns-bogon"
	DNSLoopback  Fault = "dns-loopback"
	DNSMetadata  Fault = "dns-metadata"
	DNSBlockPage Fault = "dns-block-page"
	DNSInjected  Fault = "dns-injected"
	DNSServFail  Fault = "dns-servfail"
	DNSRefused   Fault = "dns-refused"
	DNSSilent    Fault = "dns-silent"
	DNSGarbage   Fault = "dns-garbage"
	DNSOneDead   Fault = "dns-one-dead"
)

// The faults of the connection.
const (
	Down      Fault = "down"
	Blackhole Fault = "blackhole"
	Reset     Fault = "reset"
	Flap      Fault = "flap"
	Residual  Fault = "residual"
)

// The faults of the handshake.
const (
	TLSReset       Fault = "tls-reset"
	ResetSNI       Fault = "reset-sni"
	TLSEOF         Fault = "tls-eof"
	EOFSNI         Fault = "eof-sni"
	TLSAlert       Fault = "tls-alert"
	TLSSilence     Fault = "tls-silence"
	SilenceSNI     Fault = "silence-sni"
	FloodHandshake Fault = "flood-handshake"
	WrongName      Fault = "wrong-name"
	UnknownCA      Fault = "unknown-ca"
	Expired        Fault = "expired"
	PlainOnTLS     Fault = "plain-on-tls"
)

// The faults between the request and the first byte of a page.
const (
	ResetRequest   Fault = "reset-request"
	EOFRequest     Fault = "eof-request"
	Silence        Fault = "silence"
	Slow           Fault = "slow"
	Garbage        Fault = "garbage"
	EndlessHeaders Fault = "endless-headers"
	Loop           Fault = "loop"
	Error500       Fault = "error500"
	Error503       Fault = "error503"
	Denied         Fault = "denied"
	Bot403         Fault = "bot-403"
	Challenge      Fault = "challenge"
	RateLimit      Fault = "rate-limit"
	Legal451       Fault = "legal-451"
	RedirectOff    Fault = "redirect-off"
	RedirectLoop   Fault = "redirect-loop"
	RedirectChain  Fault = "redirect-chain"
	RedirectBroken Fault = "redirect-broken"
	RedirectScheme Fault = "redirect-scheme"
	RedirectApex   Fault = "redirect-apex"
	RedirectLocale Fault = "redirect-locale"
)

// The faults of the body.
const (
	SlowBody        Fault = "slow-body"
	Throttle        Fault = "throttle"
	Freeze          Fault = "freeze"
	ResetBody       Fault = "reset-body"
	Truncate        Fault = "truncate"
	TruncateChunked Fault = "truncate-chunked"
	TruncateClose   Fault = "truncate-close"
	TruncateGzip    Fault = "truncate-gzip"
	H2Reset         Fault = "h2-reset"
	EndlessBody     Fault = "endless-body"
	GzipBomb        Fault = "gzip-bomb"
)

// The faults of what a whole answer is.
const (
	BlockPage        Fault = "block-page"
	BlockPageUnknown Fault = "block-page-unknown"
	Seized           Fault = "seized"
	Parked           Fault = "parked"
	FreshServer      Fault = "fresh-server"
	Empty200         Fault = "empty-200"
	ScriptAsHTML     Fault = "script-as-html"
	Redesign         Fault = "redesign"
	CopySite         Fault = "copy-site"
	CanaryStale      Fault = "canary-stale"
	CanaryOtherKey   Fault = "canary-other-key"
	CanaryRollback   Fault = "canary-rollback"
)

// Stage is the step of a visit at which a fault acts.
type Stage string

// The stages, in their order.
const (
	StageResolve   Stage = "resolve"
	StageConnect   Stage = "connect"
	StageHandshake Stage = "handshake"
	StageRequest   Stage = "request"
	StageBody      Stage = "body"
	StageIdentity  Stage = "identity"
)

// Stages lists the closed set in order.
func Stages() []Stage {
	return []Stage{StageResolve, StageConnect, StageHandshake, StageRequest, StageBody, StageIdentity}
}

// Faults lists every fault, from names that lie to pages of somebody else. NoFault is
// not among them.
func Faults() []Fault {
	faults := make([]Fault, len(catalogue))
	for i, t := range catalogue {
		faults[i] = t.fault
	}
	return faults
}

// FaultsAt lists the faults of a stage.
func FaultsAt(stage Stage) []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool { return f.Stage() != stage })
}

// ParseFault reads a fault's name as the constants spell it, with spaces or low lines in
// place of hyphens, too, or a word that people use for it. The error lists the names.
func ParseFault(name string) (Fault, error) {
	hyphened := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), "-")
	for _, t := range catalogue {
		if hyphened == string(t.fault) || slices.Contains(t.also, hyphened) {
			return t.fault, nil
		}
	}
	names := make([]string, len(catalogue))
	for i, t := range catalogue {
		names[i] = string(t.fault)
	}
	return NoFault, fmt.Errorf("no fault is named %q: use one of %s", name, strings.Join(names, ", "))
}

// Description says in one line what the fault does; empty for NoFault and for
// names outside the set.
func (f Fault) Description() string { return f.traits().description }

// Stage is where the fault acts; empty for NoFault and for names outside the set.
func (f Fault) Stage() Stage { return f.traits().stage }

// NeedsTLS reports whether only an origin with TLS can show the fault.
func (f Fault) NeedsTLS() bool { return f.traits().tls }

func (f Fault) traits() traits {
	for _, t := range catalogue {
		if t.fault == f {
			return t
		}
	}
	return traits{}
}
