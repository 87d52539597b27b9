package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one way in which an origin misbehaves. The zero value is [NoFault].
type Fault string

// The closed set of faults. [Fault.Description] says what each does.
const (
	// NoFault is an origin that serves the newspaper as it should.
	NoFault Fault = ""

	Down      Fault = "down"
	Blackhole Fault = "blackhole"
	Reset     Fault = "reset"

	ResetSNI   Fault = "reset-sni"
	TLSSilence Fault = "tls-silence"
	WrongName  Fault = "wrong-name"
	UnknownCA  Fault = "unknown-ca"
	Expired    Fault = "expired"
	PlainOnTLS Fault = "plain-on-tls"

	ResetRequest    Fault = "reset-request"
	Garbage         Fault = "garbage"
	EndlessHeaders  Fault = "endless-headers"
	Error500        Fault = "error500"
	Error503        Fault = "error503"
	Slow            Fault = "slow"
	SlowBody        Fault = "slow-body"
	Freeze          Fault = "freeze"
	Truncate        Fault = "truncate"
	TruncateChunked Fault = "truncate-chunked"
	BlockPage       Fault = "block-page"
	Seized          Fault = "seized"
	Parked          Fault = "parked"
	RedirectOff     Fault = "redirect-off"
)

// traits are what the switch must know of a fault before it acts.
type traits struct {
	fault       Fault
	also        []string // what people type for it
	description string
	handshake   bool // acts on the TLS handshake: an origin without TLS cannot show it
	cuts        bool // closes the open connections when it begins and when it ends
}

// catalogue lists the faults from the outermost layer to the innermost.
var catalogue = [...]traits{
	{fault: Down, also: []string{"killed"}, cuts: true, description: "the port is closed: connections are refused"},
	{fault: Blackhole, cuts: true, description: "connection attempts are dropped without an answer"},
	{fault: Reset, cuts: true, description: "connections are reset as soon as they are accepted"},
	{fault: ResetSNI, handshake: true, cuts: true, description: "connections are reset once the ClientHello has been read"},
	{fault: TLSSilence, handshake: true, cuts: true, description: "the ClientHello is never answered"},
	{fault: WrongName, also: []string{"wrong-certificate", "wrong-cert"}, handshake: true, cuts: true, description: "the certificate is for another name, from the same authority"},
	{fault: UnknownCA, handshake: true, cuts: true, description: "the certificate has the right name, from an authority nobody trusts"},
	{fault: Expired, handshake: true, cuts: true, description: "the certificate expired yesterday"},
	{fault: PlainOnTLS, handshake: true, cuts: true, description: "the TLS port answers with a block page in plain HTTP"},
	{fault: ResetRequest, description: "connections are reset once a request has been read"},
	{fault: Garbage, description: "the answer is not HTTP"},
	{fault: EndlessHeaders, cuts: true, description: "the header section of the answer never ends"},
	{fault: Error500, also: []string{"500"}, description: "every answer is 500 Internal Server Error"},
	{fault: Error503, also: []string{"503"}, description: "every answer is 503 Service Unavailable"},
	{fault: Slow, description: "every answer begins late"},
	{fault: SlowBody, description: "bodies drip, a few bytes at a time"},
	{fault: Freeze, description: "bodies stop coming after 16 KiB, or half way through a shorter one"},
	{fault: Truncate, description: "bodies are cut half way to their declared length"},
	{fault: TruncateChunked, description: "chunked bodies are cut half way, without the last chunk"},
	{fault: BlockPage, also: []string{"blockpage", "block page"}, description: "every path answers 200 with a provider's block page"},
	{fault: Seized, description: "every path answers 200 with a seizure banner"},
	{fault: Parked, also: []string{"parking"}, description: "every path answers 200 with a parking page"},
	{fault: RedirectOff, description: "every path redirects to a host that is not the newspaper's"},
}

// Faults lists every fault, from refused connections to wrong pages. NoFault is
// not among them.
func Faults() []Fault {
	faults := make([]Fault, len(catalogue))
	for i, t := range catalogue {
		faults[i] = t.fault
	}
	return faults
}

// ParseFault reads a fault's name as the constants spell it, or a word that people
// use for it. The error lists the names.
func ParseFault(name string) (Fault, error) {
	for _, t := range catalogue {
		if name == string(t.fault) || slices.Contains(t.also, name) {
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

// NeedsTLS reports whether only an origin with TLS can show the fault.
func (f Fault) NeedsTLS() bool { return f.traits().handshake }

func (f Fault) traits() traits {
	for _, t := range catalogue {
		if t.fault == f {
			return t
		}
	}
	return traits{}
}
