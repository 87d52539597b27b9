package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Manner is how a nameserver answers. The zero value is [Truth].
type Manner string

// The closed set of manners.
const (
	// Truth gives the addresses of the saying; none in a family is NODATA.
	Truth Manner = ""

	NXDomain  Manner = "nxdomain"
	ServFail  Manner = "servfail"
	Refused   Manner = "refused"
	FormErr   Manner = "formerr"
	Silent    Manner = "silent"
	Nonsense  Manner = "nonsense"   // the ID of the question, and noise
	AliasLoop Manner = "alias-loop" // two aliases that name each other
	Huge      Manner = "huge"       // the truth among as many addresses as a message holds

	// These need somebody on the way, and are told over UDP alone; other
	// transports hear the truth.

	Forged         Manner = "forged"          // a forged address first, to whatever was asked, then the truth
	ForgedNXDomain Manner = "forged-nxdomain" // that the name does not exist first, then the truth
	WrongID        Manner = "wrong-id"        // an answer with another ID first, then the truth
	WrongQuestion  Manner = "wrong-question"  // an answer to another question first, then the truth
	CaseLost       Manner = "case-lost"       // the truth with the question in lower case
	Truncated      Manner = "truncated"       // that the answer is too long for a datagram
)

// Manners lists every manner, Truth first.
func Manners() []Manner {
	return []Manner{
		Truth, NXDomain, ServFail, Refused, FormErr, Silent, Nonsense, AliasLoop, Huge,
		Forged, ForgedNXDomain, WrongID, WrongQuestion, CaseLost, Truncated,
	}
}

// Saying is what a nameserver says of one name. The zero value is that it
// exists and has no address.
type Saying struct {
	Manner    Manner
	Addresses []netip.Addr  // the truth
	Aliases   []string      // the chain of CNAME records that leads to the addresses
	TTL       time.Duration // zero means a minute, and less than a second none at all
	Forgery   netip.Addr    // under Forged, WrongID and WrongQuestion; zero means 192.0.2.66
	Delay     time.Duration // between a lie and the truth
}

// At is the truth: a name with these addresses.
func At(addresses ...netip.Addr) Saying { return Saying{Addresses: addresses} }

// In is a saying without addresses, in a manner.
func In(manner Manner) Saying { return Saying{Manner: manner} }

// messages are what goes out for a question, in order. There is a delay before
// each but the first. None is silence.
func (s Saying) messages(question *dns.Msg, datagram bool) [][]byte {
	codes := map[Manner]int{
		NXDomain: dns.RcodeNameError, ServFail: dns.RcodeServerFailure,
		Refused: dns.RcodeRefused, FormErr: dns.RcodeFormatError,
	}
	if code, fails := codes[s.Manner]; fails {
		return packed(s.failure(question, code))
	}
	switch s.Manner {
	case Silent:
		return nil
	case Nonsense:
		return [][]byte{append([]byte{byte(question.Id >> 8), byte(question.Id)}, strings.Repeat("\xc0\xff noise ", 6)...)}
	case AliasLoop:
		return packed(s.loop(question))
	case Huge:
		if datagram {
			return packed(s.truncated(question))
		}
		return packed(s.huge(question))
	}
	if datagram {
		return packed(s.underWay(question)...)
	}
	return packed(s.truth(question))
}

// underWay are the messages that arrive where somebody on the way interferes.
func (s Saying) underWay(question *dns.Msg) []*dns.Msg {
	truth := s.truth(question)
	switch s.Manner {
	case Forged:
		return []*dns.Msg{s.forgery(question), truth}
	case ForgedNXDomain:
		return []*dns.Msg{s.failure(question, dns.RcodeNameError), truth}
	case WrongID:
		lie := s.forgery(question)
		lie.Id++
		return []*dns.Msg{lie, truth}
	case WrongQuestion:
		lie := s.forgery(question)
		lie.Question = []dns.Question{{Name: "elsewhere.example.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		return []*dns.Msg{lie, truth}
	case CaseLost:
		truth.Question[0].Name = strings.ToLower(truth.Question[0].Name)
	case Truncated:
		truth = s.truncated(question)
	}
	return []*dns.Msg{truth}
}

func (s Saying) seconds() uint32 {
	if s.TTL == 0 {
		return 60
	}
	return uint32(s.TTL / time.Second)
}

func (s Saying) header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: s.seconds()}
}

// failure is an answer without records. The SOA record beside it says how long
// that holds (RFC 2308 §3).
func (s Saying) failure(question *dns.Msg, code int) *dns.Msg {
	answer := new(dns.Msg).SetRcode(question, code)
	answer.RecursionAvailable = true
	if code == dns.RcodeNameError || code == dns.RcodeSuccess {
		answer.Ns = []dns.RR{&dns.SOA{
			Hdr: s.header("example.", dns.TypeSOA), Ns: "ns.example.", Mbox: "hostmaster.example.", Minttl: s.seconds(),
		}}
	}
	return answer
}

// truth is the right answer: the aliases, and the addresses of the family that
// is asked for.
func (s Saying) truth(question *dns.Msg) *dns.Msg {
	answer := s.failure(question, dns.RcodeSuccess)
	owner, kind := question.Question[0].Name, question.Question[0].Qtype
	for _, alias := range s.Aliases {
		target := dns.Fqdn(alias)
		answer.Answer = append(answer.Answer, &dns.CNAME{Hdr: s.header(owner, dns.TypeCNAME), Target: target})
		if owner = target; kind == dns.TypeCNAME {
			break
		}
	}
	for _, address := range s.Addresses {
		if kind == dns.TypeA && address.Is4() || kind == dns.TypeAAAA && address.Is6() {
			answer.Answer = append(answer.Answer, s.record(owner, address))
		}
	}
	if len(answer.Answer) > 0 {
		answer.Ns = nil
	}
	return answer
}

func (s Saying) record(owner string, address netip.Addr) dns.RR {
	if address.Is4() {
		return &dns.A{Hdr: s.header(owner, dns.TypeA), A: address.AsSlice()}
	}
	return &dns.AAAA{Hdr: s.header(owner, dns.TypeAAAA), AAAA: address.AsSlice()}
}

// forgery is what an injector says, whatever was asked.
func (s Saying) forgery(question *dns.Msg) *dns.Msg {
	address := s.Forgery
	if !address.IsValid() {
		address = netip.AddrFrom4([4]byte{192, 0, 2, 66})
	}
	answer := new(dns.Msg).SetReply(question)
	answer.Answer = []dns.RR{s.record(question.Question[0].Name, address)}
	return answer
}

func (s Saying) truncated(question *dns.Msg) *dns.Msg {
	answer := new(dns.Msg).SetReply(question)
	answer.Truncated = true
	return answer
}

// loop names two aliases that lead to each other.
func (s Saying) loop(question *dns.Msg) *dns.Msg {
	answer := new(dns.Msg).SetReply(question)
	name := question.Question[0].Name
	answer.Answer = []dns.RR{
		&dns.CNAME{Hdr: s.header(name, dns.TypeCNAME), Target: "loop.example."},
		&dns.CNAME{Hdr: s.header("loop.example.", dns.TypeCNAME), Target: strings.ToLower(name)},
	}
	return answer
}

// huge is the truth, before as many other addresses as fit into 64 KiB where IPv4
// addresses are asked for.
func (s Saying) huge(question *dns.Msg) *dns.Msg {
	answer := s.truth(question)
	answer.Compress = true
	owner := question.Question[0].Name
	if question.Question[0].Qtype != dns.TypeA {
		return answer
	}
	for i := range 4000 {
		crowd := netip.MustParseAddr(fmt.Sprintf("198.18.%d.%d", i>>8, i&0xff))
		answer.Answer = append(answer.Answer, s.record(owner, crowd))
	}
	return answer
}

// packed are messages on the wire. One that cannot be packed is not sent.
func packed(messages ...*dns.Msg) [][]byte {
	var wire [][]byte
	for _, m := range messages {
		if b, err := m.Pack(); err == nil {
			wire = append(wire, b)
		}
	}
	return wire
}
