package resolve

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

func TestQuestionsAreHardToGuess(t *testing.T) {
	q := question{host: strings.Repeat("a", 60) + ".example", kind: typeAAAA}
	ids, names := make(map[uint16]bool), make(map[string]bool)
	for range 64 {
		m := q.message(true)
		ids[m.Id], names[m.Question[0].Name] = true, true
		require.Equal(t, dns.Fqdn(q.host), strings.ToLower(m.Question[0].Name))
		require.Equal(t, dns.TypeAAAA, m.Question[0].Qtype)
		require.True(t, m.RecursionDesired)
	}
	require.Greater(t, len(ids), 32)
	require.Greater(t, len(names), 32)
	require.Equal(t, dns.Fqdn(q.host), q.message(false).Question[0].Name)
}

func TestWhichMessagesFitAQuestion(t *testing.T) {
	asked := question{host: "abc.example", kind: typeA}.message(false)
	asked.Question[0].Name = "aBc.example."
	for _, test := range []struct {
		name   string
		change func(m *dns.Msg)
		want   fit
	}{
		{"an answer", func(*dns.Msg) {}, fits},
		{"RFC 5452 §9.1: another ID", func(m *dns.Msg) { m.Id++ }, foreign},
		{"RFC 5452 §9.1: another name", func(m *dns.Msg) { m.Question[0].Name = "x.example." }, foreign},
		{"RFC 5452 §9.1: another type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, foreign},
		{"RFC 5452 §9.1: another class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, foreign},
		{"two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, foreign},
		{"no question", func(m *dns.Msg) { m.Question = nil }, foreign},
		{"no question from a server that fails", func(m *dns.Msg) { m.Question, m.Rcode = nil, dns.RcodeRefused }, fits},
		{"no question from a server that denies the name", func(m *dns.Msg) { m.Question, m.Rcode = nil, dns.RcodeNameError }, foreign},
		{"another case", func(m *dns.Msg) { m.Question[0].Name = "abc.example." }, recased},
		{"a question", func(m *dns.Msg) { m.Response = false }, broken},
		{"another operation", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, broken},
	} {
		m := addressed(asked, right[0])
		test.change(m)
		wire, err := m.Pack()
		require.NoError(t, err)
		_, got := read(wire, asked, true)
		require.Equal(t, test.want, got, test.name)
	}
	_, got := read([]byte{byte(asked.Id >> 8), byte(asked.Id), 1}, asked, true)
	require.Equal(t, broken, got)
	_, got = read(nil, asked, true)
	require.Equal(t, foreign, got)
}

func TestOnlyTheRecordsOfTheChainCount(t *testing.T) {
	records := []string{
		"www.gazette.example. 300 IN CNAME A.cdn.example.",
		"a.cdn.example. 60 IN CNAME b.cdn.example.",
		"B.CDN.example. 120 IN A 8.20.0.1",
		"b.cdn.example. 90 IN A 8.20.0.2",
		"b.cdn.example. 90 CH A 8.20.0.9",
		"www.gazette.example. 90 IN A 8.20.0.3",
		"elsewhere.example. 90 IN A 8.20.0.4",
		"b.cdn.example. 5 IN AAAA 2a00::1",
		"c.cdn.example. 5 IN CNAME www.gazette.example.",
	}
	m := new(dns.Msg)
	for _, text := range records {
		record, err := dns.NewRR(text)
		require.NoError(t, err)
		m.Answer = append(m.Answer, record)
	}
	reply, err := interpreted(m, dns.Question{Name: "WWW.gazette.example.", Qtype: dns.TypeA})
	require.NoError(t, err)
	require.Equal(t, ips("8.20.0.1", "8.20.0.2"), reply.Addresses)
	require.Equal(t, []string{"a.cdn.example", "b.cdn.example"}, reply.Aliases)
	require.Equal(t, time.Minute, reply.TTL)
}

func TestHowLongAnAnswerHolds(t *testing.T) {
	require.Equal(t, time.Second, shorter(-1, 1))
	require.Equal(t, time.Second, shorter(time.Second, 2))
	require.Zero(t, shorter(time.Second, 1<<31), "RFC 2181 §8")

	soa := func(ttl, minimum uint32) *dns.Msg {
		return &dns.Msg{Ns: []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Ttl: ttl}, Minttl: minimum}}}
	}
	require.Equal(t, 5*time.Second, negativeTTL(soa(5, 10)), "RFC 2308 §5")
	require.Equal(t, 6*time.Second, negativeTTL(soa(10, 6)), "RFC 2308 §5")
	require.Equal(t, maxNegative, negativeTTL(soa(3600, 3600)))
	require.Zero(t, negativeTTL(new(dns.Msg)), "RFC 2308 §5: without an SOA record it is not kept")
}

func TestTheFamiliesTogether(t *testing.T) {
	one := func(kind string, outcome Outcome, addresses ...netip.Addr) heard {
		return heard{kind: kind, replies: []Reply{{Type: kind, Outcome: outcome, Addresses: addresses}}}
	}
	nothing := heard{kind: typeAAAA}
	for _, test := range []struct {
		name    string
		a, aaaa heard
		want    Outcome
	}{
		{"addresses in one", one(typeA, Found, right[0]), one(typeAAAA, NoData), Found},
		{"addresses in one, silence in the other", one(typeA, Found, right[0]), nothing, Found},
		{"addresses in one, NXDOMAIN in the other", one(typeA, NXDomain), one(typeAAAA, Found, right[1]), Found},
		{"NXDOMAIN in one, silence in the other", one(typeA, NXDomain), nothing, NXDomain},
		{"NODATA in one, silence in the other", one(typeA, NoData), nothing, Silence},
		{"NODATA in one, SERVFAIL in the other", one(typeA, NoData), one(typeAAAA, ServFail), ServFail},
		{"NODATA in both", one(typeA, NoData), one(typeAAAA, NoData), NoData},
	} {
		require.Equal(t, test.want, answerOf(Server{}, []heard{test.a, test.aaaa}).Outcome, test.name)
	}
}

// FuzzAnswer gives arbitrary bytes as the answer to a question: to the reader of
// messages, with the right ID in front, and as they are.
func FuzzAnswer(f *testing.F) {
	asked := question{host: name, kind: typeA}.message(false)
	asked.Id = 0x4865
	add := func(m *dns.Msg) {
		wire, err := m.Pack()
		require.NoError(f, err)
		f.Add(wire[2:])
	}
	add(addressed(asked, right...))
	add(addressed(asked))
	add(new(dns.Msg).SetRcode(asked, dns.RcodeNameError))
	loop := addressed(asked)
	loop.Answer = append(loop.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeCNAME, Class: dns.ClassINET},
		Target: dns.Fqdn(name),
	})
	add(loop)
	f.Add([]byte("\xc0\x00\xc0\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		wire := append([]byte{0x48, 0x65}, answer...)
		for _, exact := range []bool{true, false} {
			reply, fit := read(wire, asked, exact)
			if fit != fits {
				require.Empty(t, reply.Addresses)
			}
			require.LessOrEqual(t, len(reply.Addresses), maxAddresses)
			require.LessOrEqual(t, len(reply.Aliases), maxAliases)
			require.GreaterOrEqual(t, reply.TTL, time.Duration(0))
		}
		var h heard
		reply, fit := read(wire, asked, true)
		h.kind = typeA
		h.note(reply, fit)
		a := answerOf(Server{}, []heard{h})
		require.Contains(t, Outcomes(), a.Outcome)
		require.Less(t, len(strings.Join(a.Evidence(), "")), 32<<10)
		require.NotEmpty(t, Compare(a, []Answer{a}).Reason)
		_, _ = read(answer, asked, true)
	})
}
