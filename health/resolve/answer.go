package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Outcome is what came of asking a server.
type Outcome string

// The closed set of outcomes.
const (
	Found       Outcome = "found"       // there are addresses, usable or not
	NXDomain    Outcome = "nxdomain"    // the name does not exist
	NoData      Outcome = "nodata"      // the name exists and has no address
	ServFail    Outcome = "servfail"    //
	Refused     Outcome = "refused"     //
	FormErr     Outcome = "formerr"     //
	OtherCode   Outcome = "other_code"  // any other code of failure
	Garbage     Outcome = "garbage"     // what came is no answer
	Silence     Outcome = "silence"     // nothing came in time
	Unreachable Outcome = "unreachable" // no connection, no TLS, or no HTTP answer with DNS in it
)

// Outcomes lists the closed set.
func Outcomes() []Outcome {
	return []Outcome{Found, NXDomain, NoData, ServFail, Refused, FormErr, OtherCode, Garbage, Silence, Unreachable}
}

// Definite reports whether the outcome says something about the name, rather
// than about the server or the way to it.
func (o Outcome) Definite() bool { return o == Found || o == NXDomain || o == NoData }

// Words is the outcome as a person reads it.
func (o Outcome) Words() string {
	return map[Outcome]string{
		Found:       "there are addresses",
		NXDomain:    "the name does not exist (NXDOMAIN)",
		NoData:      "the name exists, but without an address (NODATA)",
		ServFail:    "the server failed (SERVFAIL)",
		Refused:     "the server refused (REFUSED)",
		FormErr:     "the server did not understand (FORMERR)",
		OtherCode:   "the server answered with another failure",
		Garbage:     "what came back is no answer",
		Silence:     "no answer in time",
		Unreachable: "the server could not be asked",
	}[o]
}

// Reply is one message that answered a question.
type Reply struct {
	Type      string // of the question: A, AAAA or CNAME
	Outcome   Outcome
	Addresses []netip.Addr
	Aliases   []string // the chain of CNAME records that led to the addresses
	TTL       time.Duration
	After     time.Duration // it was asked

	truncated bool
}

// String is the reply in a few words.
func (r Reply) String() string {
	text := r.Outcome.Words()
	if len(r.Addresses) > 0 {
		text = listed(r.Addresses)
	}
	return fmt.Sprintf("%s after %s", text, r.After.Round(100*time.Microsecond))
}

// sameAs reports whether two replies to one question say the same. Servers may
// list addresses in any order.
func (r Reply) sameAs(other Reply) bool {
	return r.Type == other.Type && r.Outcome == other.Outcome && len(r.Addresses) == len(other.Addresses) &&
		!slices.ContainsFunc(r.Addresses, func(a netip.Addr) bool { return !slices.Contains(other.Addresses, a) })
}

// Answer is all that one server said about one host.
type Answer struct {
	Server    Server
	Outcome   Outcome
	Addresses []netip.Addr // that may be connected to
	Bogons    []netip.Addr // that may not
	Aliases   []string
	TTL       time.Duration

	// Injected says that somebody on the way answers in the server's place: one
	// question had different answers, or a question for CNAME records was answered
	// with an address. Replies has them all.
	Injected bool
	// Replies are the different replies to each question, in the order in which
	// they came.
	Replies []Reply
	// Disbelieved counts messages that were not believed: with the wrong ID,
	// question or letter case, or no DNS at all.
	Disbelieved int

	Err      error // why there is no reply
	Duration time.Duration
}

// answerOf puts together what was heard on the questions about one host.
func answerOf(server Server, all []heard) Answer {
	a := Answer{Server: server}
	rank := len(precedence())
	for _, h := range all {
		a.Disbelieved += h.disbelieved
		a.Injected = a.Injected || h.injected()
		a.Replies = append(a.Replies, h.replies...)
		if h.kind == typeCNAME {
			continue
		}
		if outcome := h.outcome(); slices.Index(precedence(), outcome) < rank {
			a.Outcome, a.Err, rank = outcome, h.err, slices.Index(precedence(), outcome)
		}
		a.take(h)
	}
	if a.Outcome != Found {
		a.TTL = 0
		for _, r := range a.Replies {
			if r.Outcome == a.Outcome && r.Type != typeCNAME {
				a.TTL = r.TTL
			}
		}
	}
	return a
}

// take adds the addresses of what was heard, those of later replies first: an
// injector is nearer than the server, so that its answer comes before.
func (a *Answer) take(h heard) {
	for _, r := range slices.Backward(h.replies) {
		if len(r.Addresses) == 0 {
			continue
		}
		if len(a.Addresses) == 0 || r.TTL < a.TTL {
			a.TTL = r.TTL
		}
		for _, address := range r.Addresses {
			if !slices.Contains(a.Addresses, address) && len(a.Addresses) < maxAddresses {
				a.Addresses = append(a.Addresses, address)
			}
		}
		if len(a.Aliases) == 0 {
			a.Aliases = r.Aliases
		}
	}
}

// precedence orders the outcomes of the questions for the two families by what
// they say of the host. NoData is last: of a host that has no address in one
// family, a failure to ask for the other leaves the question open.
func precedence() []Outcome {
	return []Outcome{Found, NXDomain, ServFail, Refused, FormErr, OtherCode, Garbage, Silence, Unreachable, NoData}
}

// Evidence says in words what the server answered and what is odd about it.
func (a Answer) Evidence() []string {
	name := a.Server.name()
	lines := []string{name + ": " + a.words()}
	if a.Injected {
		lines = append(lines, name+": "+a.injection())
	}
	if a.Disbelieved > 0 {
		lines = append(lines, fmt.Sprintf("%s: %d messages did not fit the question and were not believed", name, a.Disbelieved))
	}
	return lines
}

// words is the answer in one phrase.
func (a Answer) words() string {
	text := a.Outcome.Words()
	switch {
	case a.Outcome == Found:
		text = listed(append(slices.Clone(a.Addresses), a.Bogons...))
		if len(a.Aliases) > 0 {
			text += " by way of " + strings.Join(a.Aliases, ", ")
		}
	case a.Err != nil && a.Outcome == Unreachable:
		text += ": " + a.Err.Error()
	}
	return text
}

// maxRivals is how many of the different answers are told of.
const maxRivals = 8

// injection says in words how the answers were seen to be injected.
func (a Answer) injection() string {
	var signs, rivals []string
	for _, r := range a.Replies {
		if r.Type == typeCNAME && len(r.Addresses) > 0 {
			signs = append(signs, "a question for an alias was answered with the address "+listed(r.Addresses)+", as no server does")
		}
		rival := func(other Reply) bool { return other.Type == r.Type && !other.sameAs(r) }
		if slices.ContainsFunc(a.Replies, rival) {
			rivals = append(rivals, r.Type+" "+r.String())
		}
	}
	if len(rivals) > 0 {
		signs = append([]string{"one question had different answers: " + strings.Join(rivals[:min(len(rivals), maxRivals)], "; ")}, signs...)
	}
	return strings.Join(signs, "; ")
}

// listed is a list of addresses, cut where nobody would read on.
func listed(addresses []netip.Addr) string {
	const most = 4
	texts := make([]string, 0, most)
	for _, address := range addresses[:min(len(addresses), most)] {
		texts = append(texts, address.String())
	}
	if more := len(addresses) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), more)
	}
	return strings.Join(texts, ", ")
}
