package resolve

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// datagramSize is the size of answers that is asked for over UDP: what passes
	// every network unfragmented, as the operators of DNS agreed in 2020.
	datagramSize = 1232
	maxAddresses = 32 // of one host
	maxAliases   = 16 // in one chain; what resolvers follow themselves is about as long
	// maxNegative bounds how long an answer without addresses is believed. A block
	// that is lifted, or a name that is there again, must not wait for more.
	maxNegative = 30 * time.Second
)

// The types of the questions.
const (
	typeA     = "A"
	typeAAAA  = "AAAA"
	typeCNAME = "CNAME"
)

// errNoAnswer is for a message that carries the question's ID and answers nothing.
var errNoAnswer = errors.New("the message does not answer the question")

// question asks for one type of records of one host.
type question struct {
	host string // in lower case, without the final dot
	kind string
}

// message is the question with a random ID. Mixed gives the letters a random
// case (the "0x20 bit"), which the answer has to repeat: another dozen of bits
// for somebody to guess who cannot see the question.
func (q question) message(mixed bool) *dns.Msg {
	name := dns.Fqdn(q.host)
	if mixed {
		name = mixedCase(name)
	}
	m := new(dns.Msg).SetQuestion(name, dns.StringToType[q.kind])
	m.SetEdns0(datagramSize, false)
	return m
}

// mixedCase gives every letter a random case.
func mixedCase(name string) string {
	letters := []byte(name)
	coins := make([]byte, len(letters))
	_, _ = rand.Read(coins) // never fails
	for i, c := range letters {
		if 'a' <= c && c <= 'z' && coins[i]&1 == 1 {
			letters[i] = c - 'a' + 'A'
		}
	}
	return string(letters)
}

// fit is what a message is to a question.
type fit int

const (
	fits    fit = iota
	foreign     // the answer to something else, or somebody's guess
	recased     // it fits but for the case of the letters
	broken      // it has the question's ID and is no answer
)

// read takes a message apart and compares it with what was asked.
func read(wire []byte, asked *dns.Msg, exact bool) (Reply, fit) {
	if len(wire) < 2 || uint16(wire[0])<<8|uint16(wire[1]) != asked.Id {
		return Reply{}, foreign
	}
	m := new(dns.Msg)
	err := m.Unpack(wire)
	if err != nil && (!m.Truncated || len(m.Question) == 0) {
		return Reply{}, broken
	}
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return Reply{}, broken
	}
	q := asked.Question[0]
	if len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		// A server that fails may leave the question out.
		reply, _ := interpreted(m, q)
		return reply, fits
	}
	if len(m.Question) != 1 || m.Question[0].Qtype != q.Qtype || m.Question[0].Qclass != q.Qclass ||
		!strings.EqualFold(m.Question[0].Name, q.Name) {
		return Reply{}, foreign
	}
	if exact && m.Question[0].Name != q.Name {
		return Reply{}, recased
	}
	reply, err := interpreted(m, q)
	if err != nil {
		return Reply{}, broken
	}
	return reply, fits
}

// interpreted is what a message that answers a question says.
func interpreted(m *dns.Msg, q dns.Question) (Reply, error) {
	reply := Reply{Type: dns.TypeToString[q.Qtype], truncated: m.Truncated}
	codes := map[int]Outcome{
		dns.RcodeNameError: NXDomain, dns.RcodeServerFailure: ServFail,
		dns.RcodeRefused: Refused, dns.RcodeFormatError: FormErr,
	}
	switch outcome, known := codes[m.Rcode]; {
	case known:
		reply.Outcome, reply.TTL = outcome, negativeTTL(m)
		return reply, nil
	case m.Rcode != dns.RcodeSuccess:
		reply.Outcome = OtherCode
		return reply, nil
	}
	owner, ttl := q.Name, time.Duration(-1)
	if q.Qtype != dns.TypeCNAME {
		var err error
		if reply.Aliases, ttl, err = aliases(m.Answer, q.Name); err != nil {
			return Reply{}, err
		}
		if n := len(reply.Aliases); n > 0 {
			owner = reply.Aliases[n-1]
		}
	}
	reply.Addresses, reply.TTL = addressesOf(m.Answer, owner, q.Qtype, ttl)
	reply.Outcome = Found
	if len(reply.Addresses) == 0 {
		reply.Outcome, reply.TTL = NoData, negativeTTL(m)
	}
	return reply, nil
}

// aliases follows the CNAME records inside an answer from a name on. The time
// to live is the shortest of them, and negative without any.
func aliases(records []dns.RR, name string) (chain []string, ttl time.Duration, err error) {
	ttl = -1
	targets := make(map[string]*dns.CNAME)
	for _, record := range records {
		if c, ok := record.(*dns.CNAME); ok && c.Hdr.Class == dns.ClassINET {
			targets[dns.CanonicalName(c.Hdr.Name)] = c
		}
	}
	for at := dns.CanonicalName(name); targets[at] != nil; {
		if len(chain) == maxAliases {
			return nil, 0, errNoAnswer // a circle, or as good as one
		}
		ttl = shorter(ttl, targets[at].Hdr.Ttl)
		at = dns.CanonicalName(targets[at].Target)
		chain = append(chain, strings.TrimSuffix(at, "."))
	}
	return chain, ttl, nil
}

// addressesOf collects the addresses of one owner. The questions for A and AAAA
// want their own kind; to the question for CNAME every address is one too many.
func addressesOf(records []dns.RR, owner string, kind uint16, ttl time.Duration) ([]netip.Addr, time.Duration) {
	var addresses []netip.Addr
	owner = dns.CanonicalName(owner)
	for _, record := range records {
		header := record.Header()
		if header.Class != dns.ClassINET || dns.CanonicalName(header.Name) != owner || (kind != dns.TypeCNAME && header.Rrtype != kind) {
			continue
		}
		address, ok := addressIn(record)
		if !ok || slices.Contains(addresses, address) || len(addresses) == maxAddresses {
			continue
		}
		addresses = append(addresses, address)
		ttl = shorter(ttl, header.Ttl)
	}
	return addresses, max(ttl, 0)
}

func addressIn(record dns.RR) (netip.Addr, bool) {
	switch r := record.(type) {
	case *dns.A:
		return netip.AddrFromSlice(r.A.To4())
	case *dns.AAAA:
		// Not unmapped: an IPv4 address has no business here, and Bogons says so.
		return netip.AddrFromSlice(r.AAAA.To16())
	}
	return netip.Addr{}, false
}

// shorter is the shorter of two times to live, of which the first may be
// missing. A value with the highest bit set is zero (RFC 2181 §8).
func shorter(ttl time.Duration, seconds uint32) time.Duration {
	if seconds >= 1<<31 {
		seconds = 0
	}
	other := time.Duration(seconds) * time.Second
	if ttl < 0 {
		return other
	}
	return min(ttl, other)
}

// negativeTTL is how long the absence of records holds (RFC 2308 §5): what the
// zone's SOA record says, and no time without one.
func negativeTTL(m *dns.Msg) time.Duration {
	for _, record := range m.Ns {
		if soa, ok := record.(*dns.SOA); ok {
			return min(shorter(shorter(-1, soa.Hdr.Ttl), soa.Minttl), maxNegative)
		}
	}
	return 0
}
