package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// seenAt is a look at an address that came to a class; edits complete it.
func seenAt(address string, class health.Class, edits ...func(*probe.Result)) probe.Result {
	var r probe.Result
	r.At = time.Date(2026, 3, 14, 2, 0, 0, 0, time.UTC)
	r.Class = class
	if address != "" {
		r.Address = netip.AddrPortFrom(netip.MustParseAddr(address), 443).String()
	}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

// certified gives a look a certificate.
func certified(names ...string) func(*probe.Result) {
	return func(r *probe.Result) {
		r.Certificate = &health.Certificate{Names: names, Issuer: "CN=Authority", NotAfter: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	}
}

// status gives a look the status of an answer.
func status(n int) func(*probe.Result) { return func(r *probe.Result) { r.Status = n } }

// because gives a look a reason.
func because(reason string) func(*probe.Result) { return func(r *probe.Result) { r.Reason = reason } }

// of is a URL and what was found of it.
func of(link string, results ...probe.Result) checked {
	u, err := url.Parse(link)
	if err != nil {
		panic(err) // a test's own constant
	}
	return checked{checkLook: checkLook{url: u.String(), target: probe.Target{URL: u}}, results: results}
}

// said is what a resolver said: addresses that may be connected to.
func said(addresses ...string) resolve.Answer {
	a := resolve.Answer{Outcome: resolve.Found}
	for _, text := range addresses {
		a.Addresses = append(a.Addresses, netip.MustParseAddr(text))
	}
	return a
}

// forbids is an answer with an address that may not be connected to.
func forbids(a resolve.Answer, address string) resolve.Answer {
	a.Bogons = append(a.Bogons, netip.MustParseAddr(address))
	return a
}

// came is an answer without an address.
func came(o resolve.Outcome) resolve.Answer { return resolve.Answer{Outcome: o} }

// injectedInto is an answer that somebody else had a hand in.
func injectedInto(a resolve.Answer) resolve.Answer {
	a.Injected = true
	return a
}

// after adds what the resolvers said, the first of them as readers' software would.
func (c checked) after(answers ...resolve.Answer) checked {
	c.lookup = &resolve.Result{Answers: answers, Finding: resolve.Compare(answers[0], answers[1:])}
	return c
}

// configuredFor makes the URL one of a site's.
func (c checked) configuredFor(site string) checked {
	c.site = site
	return c
}

const (
	primaryLink   = "https://www.gazette.example/"
	alternateLink = "https://gazette.example.net/"
)

// verdictCase is a URL as it was found, and what is to be concluded.
type verdictCase struct {
	name    string
	found   checked
	others  []checked
	verdict health.Verdict
	words   string
}

func (c verdictCase) run(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		made := conclude(c.found, c.others)
		require.Equal(t, c.words, made.Words)
		require.Equal(t, c.verdict, made.Verdict)
	})
}

func TestAConclusionSaysWhatAnOperatorHasToKnow(t *testing.T) {
	a, b, c := "192.0.2.7", "192.0.2.8", "192.0.2.9"
	reset := seenAt(a, health.TLSResetSNI)
	other := of(alternateLink, seenAt(a, health.OK))
	foreign := other
	foreign.site = "chronicle"
	for _, test := range []verdictCase{
		{"every address is well", of(primaryLink, seenAt(a, health.OK), seenAt(b, health.OK), seenAt(c, health.OK)), nil,
			health.Healthy, "well: 3 of 3 addresses"},
		{"the one address is well", of(primaryLink, seenAt(a, health.OK)), nil,
			health.Healthy, "well: its one address answers"},
		{"something was got around", of(primaryLink, seenAt(a, health.OK, func(r *probe.Result) {
			r.Notice = health.Notice{Class: health.Slow, Stage: health.StageRequest, Reason: "the first byte took 1.2 s"}
		})), nil, health.Healthy, "well: its one address answers; but the first byte took 1.2 s"},
		{"one of three is dead", of(primaryLink, seenAt(a, health.OK), seenAt(c, health.ConnectRefused), seenAt(b, health.OK)), nil,
			health.Suspect, "partly well: 2 of 3 addresses; 192.0.2.9 refuses connections"},
		{"two of three are dead", of(primaryLink, seenAt(a, health.OK), seenAt(c, health.ConnectRefused), seenAt(b, health.ConnectRefused)), nil,
			health.Suspect, "partly well: 1 of 3 addresses; each of 192.0.2.9 and 192.0.2.8 refuses connections"},
		{"one was not looked at", of(primaryLink, seenAt(a, health.OK), seenAt(c, health.InternalError, because("the look was cut short"))), nil,
			health.Suspect, "partly well: 1 of 2 addresses; 192.0.2.9 was not looked at: the look was cut short"},
		{"every address refuses", of(primaryLink, seenAt(a, health.ConnectRefused), seenAt(b, health.ConnectRefused)), nil,
			health.Down, "down: every address refuses connections"},
		{"failures differ", of(primaryLink, seenAt(a, health.ConnectRefused), seenAt(b, health.TLSReset)), nil,
			health.Blocked, "blocked here: at 192.0.2.8 the TLS handshake is reset; 192.0.2.7 refuses connections"},
		{"many failures differ", of(primaryLink, seenAt(a, health.Seized), seenAt(b, health.TLSReset), seenAt(c, health.ConnectRefused), seenAt(a, health.ConnectTimeout)), nil,
			health.Hijacked, "an impostor: at 192.0.2.7 the domain shows a seizure banner; at 192.0.2.8 the TLS handshake is reset; 192.0.2.9 refuses connections; and more, see above"},
		{"a name is cut and another is not", of(primaryLink, reset), []checked{of("https://down.example/", seenAt(b, health.OK)), other},
			health.Blocked, "blocked here: the TLS handshake is reset when the name is in it; reachable by the alternate name gazette.example.net on the same address"},
		{"another publication is no alternate", of(primaryLink, reset), []checked{foreign},
			health.Blocked, "blocked here: the TLS handshake is reset when the name is in it"},
		{"the same name is no alternate", of(primaryLink, reset), []checked{of(primaryLink+"news", seenAt(a, health.OK))},
			health.Blocked, "blocked here: the TLS handshake is reset when the name is in it"},
		{"an alternate that is cut, too, is no way round", of(primaryLink, reset), []checked{of(alternateLink, reset)},
			health.Blocked, "blocked here: the TLS handshake is reset when the name is in it"},
		{"a seized domain has a valid certificate", of(primaryLink, seenAt(a, health.Seized, certified("www.gazette.example"))), nil,
			health.Hijacked, "an impostor: the domain shows a seizure banner with a valid certificate"},
		{"the certificate names another", of(primaryLink, seenAt(a, health.TLSWrongHost, certified("a.example", "b.example", "c.example", "d.example"))), nil,
			health.Blocked, "blocked here: the certificate is for another name (a.example, b.example, c.example and 1 more)"},
		{"the certificate has ended", of(primaryLink, seenAt(a, health.TLSExpired, certified())), nil,
			health.Down, "unwell: the certificate expired on 2026-03-01; renew it"},
		{"a redirect names where to", of(primaryLink, seenAt(a, health.RedirectOffsite, func(r *probe.Result) { r.Location = "http://warning.example/?id=3" })), nil,
			health.Blocked, "blocked here: 192.0.2.7 redirects off the publication, to warning.example"},
		{"nothing was looked at", of(primaryLink), nil, health.Unknown, "not looked at"},
		{"cut short", of(primaryLink, seenAt("", health.InternalError, because("the look was cut short"))), nil,
			health.Unknown, "not looked at: the look was cut short"},
		{"the proxy fails", of(primaryLink, seenAt(a, health.ViaFailed)), nil,
			health.Unknown, "not looked at: the proxy that the address is reached through does not answer, or refuses"},
		{"IPv6", of(primaryLink, seenAt("2001:db8::7", health.ConnectTimeout)), nil,
			health.Down, "down: 2001:db8::7 does not answer attempts to connect"},
	} {
		test.run(t)
	}
}

func TestAConclusionKnowsALieOfDNS(t *testing.T) {
	truth, forged, private := "192.0.2.7", "198.51.100.66", "10.10.34.34"
	for _, test := range []verdictCase{
		{"a private address", of(primaryLink, seenAt(truth, health.OK)).after(forbids(said(), private), said(truth), said(truth)), nil,
			health.Blocked, "blocked here: DNS gives 10.10.34.34, control resolvers give 192.0.2.7; 192.0.2.7 is well"},
		{"a private address, and the right one is down", of(primaryLink, seenAt(truth, health.ConnectRefused)).after(forbids(said(), private), said(truth)), nil,
			health.Blocked, "blocked here: DNS gives 10.10.34.34, a control resolver gives 192.0.2.7; 192.0.2.7 refuses connections"},
		{"a private address, and nobody to ask", of(primaryLink, seenAt("", health.AddressForbidden)).after(forbids(said(), private)), nil,
			health.Blocked, "blocked here: DNS gives 10.10.34.34, which no public name has (if it is meant: --allow 10.10.34.34/32)"},
		{"a private address of a configured origin, and nobody to ask",
			of(primaryLink, seenAt("", health.AddressForbidden)).after(forbids(said(), private)).configuredFor("gazette"), nil,
			health.Blocked, "blocked here: DNS gives 10.10.34.34, which no public name has (if it is meant: allow: [10.10.34.34/32])"},
		{"a metadata service can never be meant", of(primaryLink, seenAt("", health.AddressForbidden)).after(forbids(said(), "169.254.169.254")), nil,
			health.Blocked, "blocked here: DNS gives 169.254.169.254, which no public name has"},
		{"NXDOMAIN here alone", of(primaryLink, seenAt(truth, health.OK)).after(came(resolve.NXDomain), said(truth)), nil,
			health.Blocked, "blocked here: DNS says that the name does not exist, a control resolver gives 192.0.2.7; 192.0.2.7 is well"},
		{"an empty answer here alone", of(primaryLink, seenAt(truth, health.OK)).after(came(resolve.NoData), said(truth)), nil,
			health.Blocked, "blocked here: DNS gives no address, a control resolver gives 192.0.2.7; 192.0.2.7 is well"},
		{"a resolver that refuses here alone", of(primaryLink, seenAt(truth, health.OK)).after(came(resolve.Refused), said(truth)), nil,
			health.Blocked, "blocked here: DNS fails: the server refused (REFUSED), a control resolver gives 192.0.2.7; 192.0.2.7 is well"},
		{"an injected address", of(primaryLink, seenAt(truth, health.OK), seenAt(forged, health.ConnectTimeout)).after(injectedInto(said(truth, forged)), said(truth)), nil,
			health.Blocked, "blocked here: somebody on the way answers DNS questions, too, and gives 198.51.100.66, a control resolver gives 192.0.2.7; 192.0.2.7 is well"},
		{"an injected address, and nobody to ask", of(primaryLink, seenAt(truth, health.OK), seenAt(forged, health.ConnectTimeout)).after(injectedInto(said(truth, forged))), nil,
			health.Blocked, "blocked here: somebody on the way answers DNS questions, too; 192.0.2.7 is well"},
		{"a block page's address", of(primaryLink, seenAt(truth, health.OK), seenAt(forged, health.TLSWrongHost)).after(said(forged), said(truth)), nil,
			health.Blocked, "blocked here: DNS gives 198.51.100.66, a control resolver gives 192.0.2.7; 192.0.2.7 is well"},
		{"another address of a large site", of(primaryLink, seenAt(truth, health.OK), seenAt(forged, health.OK)).after(said(forged), said(truth)), nil,
			health.Healthy, "well: 2 of 2 addresses"},
		{"another address that is merely dead", of(primaryLink, seenAt(truth, health.OK), seenAt(forged, health.ConnectRefused)).after(said(forged), said(truth)), nil,
			health.Suspect, "partly well: 1 of 2 addresses; 198.51.100.66 refuses connections"},
		{"the name is gone for everybody", of(primaryLink, seenAt("", health.DomainGone)).after(came(resolve.NXDomain), came(resolve.NXDomain)), nil,
			health.Down, "down: the name does not exist for anybody; its registration may have expired"},
		{"no resolver answers", of(primaryLink, seenAt("", health.DNSTimeout)).after(came(resolve.Silence), came(resolve.Silence)), nil,
			health.Down, "down: no resolver answers in time"},
		{"all agree", of(primaryLink, seenAt(truth, health.OK)).after(said(truth), said(truth)), nil,
			health.Healthy, "well: its one address answers"},
	} {
		test.run(t)
	}
}

// TestEveryClassHasItsOwnConclusion holds one line for each class: that of a URL whose
// one address came to it.
func TestEveryClassHasItsOwnConclusion(t *testing.T) {
	words := map[health.Class]string{
		health.OK:               "well: its one address answers",
		health.DNSError:         "down: the resolver fails, refuses or answers garbage",
		health.DNSTimeout:       "down: no resolver answers in time",
		health.DNSNotFound:      "down: the name does not exist, says the only resolver that could be asked",
		health.DNSNoAddress:     "down: the name exists, but has no address",
		health.DNSNXDomain:      "blocked here: DNS says that the name does not exist, and control resolvers know it",
		health.DNSBlocked:       "blocked here: DNS gives no address, and control resolvers do",
		health.DNSPoisoned:      "blocked here: DNS gives a wrong address",
		health.DNSInjected:      "blocked here: somebody on the way answers DNS questions, too",
		health.DomainGone:       "down: the name does not exist for anybody; its registration may have expired",
		health.AddressForbidden: "blocked here: DNS leads to a private, reserved or own address, which is not connected to",
		health.ConnectRefused:   "down: 192.0.2.7 refuses connections",
		health.ConnectTimeout:   "down: 192.0.2.7 does not answer attempts to connect",
		health.ConnectReset:     "down: 192.0.2.7 resets connections before anything is sent",
		health.Unreachable:      "down: 192.0.2.7 cannot be routed to from here",
		health.ViaFailed:        "not looked at: the proxy that the address is reached through does not answer, or refuses",
		health.TLSReset:         "blocked here: the TLS handshake is reset",
		health.TLSEOF:           "down: the connection is closed during the TLS handshake",
		health.TLSAlert:         "down: the TLS handshake ends with an alert",
		health.TLSTimeout:       "down: the TLS handshake is not answered",
		health.TLSResetSNI:      "blocked here: the TLS handshake is reset when the name is in it",
		health.TLSTimeoutSNI:    "blocked here: the TLS handshake is not answered when the name is in it",
		health.TLSNotTLS:        "blocked here: 192.0.2.7 speaks plain HTTP, or nothing like TLS, on the TLS port",
		health.TLSProtocol:      "down: the TLS handshake finds no common ground, or what comes breaks it",
		health.TLSUnknownCA:     "blocked here: the certificate is from an authority that nobody trusts, so somebody may be in between",
		health.TLSWrongHost:     "blocked here: the certificate is for another name",
		health.TLSExpired:       "unwell: the certificate has expired or is not valid yet; renew it",
		health.TLSCertificate:   "blocked here: the certificate cannot be used",
		health.TLSPinMismatch:   "blocked here: the certificate has none of the pinned keys",
		health.RequestReset:     "down: the connection is reset after the request",
		health.RequestEOF:       "down: the connection is closed after the request",
		health.FirstByteTimeout: "down: 192.0.2.7 does not answer the request in time",
		health.Slow:             "unwell: 192.0.2.7 answers too slowly to be judged in time",
		health.ProtocolError:    "down: 192.0.2.7 answers with what is no valid HTTP",
		health.StreamReset:      "down: 192.0.2.7 ends the HTTP/2 stream",
		health.HeaderTooLarge:   "down: 192.0.2.7 answers with too large a header",
		health.ServerError:      "down: 192.0.2.7 answers with a server error (503)",
		health.StatusUnexpected: "unwell: 192.0.2.7 has no page there (404)",
		health.RedirectOffsite:  "blocked here: 192.0.2.7 redirects off the publication",
		health.RedirectLoop:     "down: 192.0.2.7 redirects in a circle, too far or nowhere",
		health.Denied:           "unwell: 192.0.2.7 denies access, also to a browser's request (403)",
		health.RateLimited:      "unwell: 192.0.2.7 asks to be asked less often (429)",
		health.Challenge:        "unwell: 192.0.2.7 tests whether a person is asking, instead of answering",
		health.Legal:            "blocked here: 192.0.2.7 withholds the page for legal reasons (451)",
		health.LoopDetected:     "down: 192.0.2.7 leads back to an edge",
		health.BodyTruncated:    "down: 192.0.2.7 breaks the page off before its end",
		health.BodyUnfinished:   "down: 192.0.2.7 sends a page that seems to lack its end",
		health.BodyStalled:      "down: 192.0.2.7 stops in the middle of the page",
		health.BodyStalled16K:   "blocked here: 192.0.2.7 stops after 12 to 36 KiB, where some networks freeze connections",
		health.Throttled:        "unwell: 192.0.2.7 sends less than 4 KB/s",
		health.BlockPage:        "blocked here: 192.0.2.7 shows a block page",
		health.Seized:           "an impostor: the domain shows a seizure banner",
		health.Parked:           "an impostor: the domain shows a parking page",
		health.ForeignType:      "unwell: 192.0.2.7 sends another type than was asked for",
		health.IdentityMissing:  "an impostor: 192.0.2.7 shows a page without the publication's text",
		health.IdentityMismatch: "blocked here: 192.0.2.7 shows a page that nothing proves to be the publication's",
		health.CanaryInvalid:    "an impostor: 192.0.2.7 has no canary of the publication",
		health.CanaryStale:      "an impostor: 192.0.2.7 has a canary that has expired, was rolled back or is of the future",
		health.InternalError:    "not looked at: no file descriptors",
	}
	statuses := map[health.Class]int{health.ServerError: 503, health.StatusUnexpected: 404, health.Denied: 403, health.RateLimited: 429, health.Legal: 451}
	for _, class := range health.Classes() {
		want, known := words[class]
		require.True(t, known, "%s has no conclusion", class)
		address := "192.0.2.7"
		found := of(primaryLink, seenAt(address, class, status(statuses[class]), because("no file descriptors")))
		made := conclude(found, nil)
		require.Equal(t, want, made.Words, class)
		switch class {
		case health.OK:
			require.Equal(t, health.Healthy, made.Verdict)
		case health.InternalError, health.ViaFailed:
			require.Equal(t, health.Unknown, made.Verdict, class)
		default:
			require.Equal(t, class.Verdict(), made.Verdict, class)
		}
	}
	require.Len(t, words, len(health.Classes()))
}

func TestAConclusionOfManyAddressesIsOneLine(t *testing.T) {
	var results []probe.Result
	for i := range 16 {
		class := health.ConnectRefused
		if i%2 == 0 {
			class = health.OK
		}
		results = append(results, seenAt(fmt.Sprintf("192.0.2.%d", i+1), class))
	}
	require.Equal(t, "partly well: 8 of 16 addresses; each of 192.0.2.2, 192.0.2.4, 192.0.2.6, 192.0.2.8 and 4 more refuses connections",
		conclude(of(primaryLink, results...), nil).Words)
}
