package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// reportTime is when the reports of these tests are written.
func reportTime() time.Time { return time.Date(2026, 2, 1, 2, 0, 0, 0, time.UTC) }

// step is one stage as it was seen.
func step(stage health.Stage, class health.Class, milliseconds int, words string) probe.Step {
	return probe.Step{Stage: stage, Class: class, Took: time.Duration(milliseconds) * time.Millisecond, Words: words}
}

// poisonedCheck is a URL that DNS lies about, well at the address that it hides.
func poisonedCheck(t *testing.T) checked {
	t.Helper()
	control, err := resolve.ParseServer("https://dns.example/dns-query#192.0.2.53")
	require.NoError(t, err)
	system, honest := forbids(said(), "10.10.34.34"), said("192.0.2.7")
	honest.Server, honest.Duration = control, 41*time.Millisecond
	system.Duration = 203 * time.Millisecond
	lost := seenAt("", health.DNSPoisoned, because("resolving www.gazette.example: here the name leads to 10.10.34.34"))
	lost.Stage, lost.Steps = health.StageResolve, []probe.Step{step(health.StageResolve, health.DNSPoisoned, 203, "a wrong address")}
	good := seenAt("192.0.2.7", health.OK, certified("www.gazette.example", "gazette.example"))
	good.Certificate.Pin, good.Status, good.BodyBytes = "sha256/pin=", 200, 8880
	good.Steps = []probe.Step{
		step(health.StageResolve, health.OK, 203, "192.0.2.7"), step(health.StageConnect, health.OK, 12, "connected"),
		step(health.StageHandshake, health.OK, 31, "TLS 1.3"), step(health.StageRequest, health.OK, 1250, "200 OK"),
		step(health.StageBody, health.OK, 2, "8880 bytes"), step(health.StageIdentity, health.OK, 0, "the markers are there"),
	}
	good.Notice = health.Notice{Class: health.Slow, Stage: health.StageRequest, Reason: "the first byte took 1.2 s"}
	return of(primaryLink, lost, good).after(system, honest)
}

// hostileCheck is a URL whose every word tries to get at the terminal.
func hostileCheck() checked {
	evil := "a\x1b[2Jb\r\nc\u202ed\u009be\xff"
	r := seenAt("192.0.2.8", health.TLSWrongHost, certified(evil), because("the name is "+evil))
	r.Stage, r.Evidence = health.StageHandshake, []string{"it says " + evil}
	r.Certificate.Issuer = evil
	r.Steps = []probe.Step{step(health.StageConnect, health.OK, 1, evil)}
	return of(alternateLink, r)
}

func written(t *testing.T, p paint, found ...checked) string {
	t.Helper()
	var out bytes.Buffer
	r := checkReport{paint: p, now: reportTime()}
	require.NoError(t, r.write(&out, found, concludeAll(found)))
	return out.String()
}

func TestAReportIsReadFromTheTopAndConcludesAtTheEnd(t *testing.T) {
	require.Equal(t, plainReport, written(t, false, poisonedCheck(t), hostileCheck()))
}

const plainReport = `DNS for www.gazette.example
  x   system                               203.0 ms  10.10.34.34 (not connected to)
  ok  https://dns.example:443/dns-query     41.0 ms  192.0.2.7
      poisoned: here the name leads to 10.10.34.34, which no public name does, and https://dns.example:443/dns-query
        says 192.0.2.7

https://www.gazette.example/
  x   resolve      203.0 ms  resolving www.gazette.example: here the name leads to 10.10.34.34
  -   connect             -
  -   handshake           -
  -   request             -
  -   body                -
  -   identity            -
      → dns_poisoned: the name leads to a wrong address here; control resolvers give others

https://www.gazette.example/  at 192.0.2.7:443
      certificate for www.gazette.example, gazette.example; by CN=Authority; 27 days left
      pin sha256/pin=
  ok  resolve      203.0 ms  192.0.2.7
  ok  connect       12.0 ms  connected
  ok  handshake     31.0 ms  TLS 1.3
  !   request     1250.0 ms  200 OK
  ok  body           2.0 ms  8880 bytes
  ok  identity            -  the markers are there
      although: slow: the first byte took 1.2 s

https://gazette.example.net/  at 192.0.2.8:443
      certificate for a\x1b[2Jb\r\nc\u202ed\u009be\xff; by a\x1b[2Jb\r\nc\u202ed\u009be\xff; 27 days left
  -   resolve             -
  ok  connect        1.0 ms  a\x1b[2Jb\r\nc\u202ed\u009be\xff
  x   handshake           -  the name is a\x1b[2Jb\r\nc\u202ed\u009be\xff
  -   request             -
  -   body                -
  -   identity            -
      → tls_wrong_host: the certificate is for another name
      · it says a\x1b[2Jb\r\nc\u202ed\u009be\xff

x   https://www.gazette.example/  blocked here: DNS gives 10.10.34.34, a control resolver gives 192.0.2.7; 192.0.2.7 is well
x   https://gazette.example.net/  blocked here: the certificate is for another name (a\x1b[2Jb\r\nc\u202ed\u009be\xff)

Nothing proves that these pages are the publication's: give --contains TEXT or --canary-key KEY.
`

func TestAPlainHTTPOriginHasNoHandshakeToShow(t *testing.T) {
	require.NotContains(t, written(t, false, of("http://www.gazette.example/", seenAt("192.0.2.7", health.OK))), "handshake")
}

func TestACertificateThatEndsSoonSaysSo(t *testing.T) {
	c := health.Certificate{Names: []string{"www.gazette.example"}, NotAfter: reportTime().Add(3 * 24 * time.Hour)}
	require.Equal(t, "certificate for www.gazette.example; by -; only 3 days left", certificateWords(c, reportTime()))
	require.Equal(t, "certificate for www.gazette.example; by -; EXPIRED 2026-02-04", certificateWords(c, reportTime().Add(240*time.Hour)))
}

func TestColourChangesNothingButColour(t *testing.T) {
	plain, coloured := written(t, false, poisonedCheck(t), hostileCheck()), written(t, true, poisonedCheck(t), hostileCheck())
	require.NotContains(t, plain, "\x1b")
	require.Contains(t, coloured, "\n\x1b[31mx \x1b[0m  https://www.gazette.example/  \x1b[1mblocked here: DNS gives 10.10.34.34")
	require.Contains(t, coloured, "  \x1b[32mok\x1b[0m  connect ")
	require.Contains(t, coloured, "  \x1b[33m! \x1b[0m  request ")
	for _, colour := range []string{green, yellow, red, bold, faint, "0"} {
		coloured = strings.ReplaceAll(coloured, "\x1b["+colour+"m", "")
	}
	require.Equal(t, plain, coloured)
}

func TestNothingThatAnOriginSendsReachesTheTerminalAsItIs(t *testing.T) {
	for _, text := range []string{written(t, false, hostileCheck()), jsonOf(t, hostileCheck())} {
		for _, r := range text {
			require.False(t, r != '\n' && r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u202e', "%q in %q", r, text)
		}
	}
	require.Contains(t, written(t, false, hostileCheck()), `it says a\x1b[2Jb\r\nc\u202ed\u009be\xff`)
}

func TestTextIsMadePrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"The Harbour Gazette":     "The Harbour Gazette",
		"روزنامه بندر «خبر»":      "روزنامه بندر «خبر»",
		"tab\tbell\aescape\x1b[m": `tab\tbell\aescape\x1b[m`,
		"\u2066isolated\u2069":    `\u2066isolated\u2069`,
		"\x9b31m":                 `\x9b31m`,
		"\u009b31m":               `\u009b31m`,
		"\ufffd":                  "\ufffd",
	} {
		require.Equal(t, want, printable(text), "%q", text)
	}
}

func TestLinesAreBrokenAtSpaces(t *testing.T) {
	require.Equal(t, []string{""}, wrapped("", 10))
	require.Equal(t, []string{"one two", "three"}, wrapped("one two three", 7))
	require.Equal(t, []string{"unbreakable", "x"}, wrapped("unbreakable x", 4))
	require.Equal(t, []string{"ñandú ñandú"}, wrapped("ñandú ñandú", 11), "characters are counted, not bytes")
}

// jsonOf is what --json prints.
func jsonOf(t *testing.T, found ...checked) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, writeCheckJSON(&out, found, concludeAll(found)))
	return out.String()
}

func TestJSONHasItsDocumentedShape(t *testing.T) {
	c := poisonedCheck(t)
	c.site = "gazette"
	c.results[1].Timings = health.Timings{Resolve: 203 * time.Millisecond, Connect: 12 * time.Millisecond}
	c.results[1].Judged = gate.Finding{Fingerprint: "own:blockpage:en"}
	c.results = c.results[1:]
	require.JSONEq(t, `[{
  "url": "https://www.gazette.example/", "site": "gazette", "verdict": "blocked",
  "conclusion": "blocked here: DNS gives 10.10.34.34, a control resolver gives 192.0.2.7; 192.0.2.7 is well",
  "resolution": {
    "host": "www.gazette.example", "finding": "poisoned", "only_here": true, "seconds": 0,
    "reason": "here the name leads to 10.10.34.34, which no public name does, and https://dns.example:443/dns-query says 192.0.2.7",
    "servers": [
      {"server": "system", "control": false, "outcome": "found", "addresses": ["10.10.34.34"], "refused": ["10.10.34.34"],
       "aliases": [], "injected": false, "disbelieved": 0, "seconds": 0.203},
      {"server": "https://dns.example:443/dns-query", "control": true, "outcome": "found", "addresses": ["192.0.2.7"], "refused": [],
       "aliases": [], "injected": false, "disbelieved": 0, "seconds": 0.041}
    ]
  },
  "addresses": [{
    "address": "192.0.2.7:443", "class": "ok", "evidence": [], "status": 200, "body_bytes": 8880, "proven": false,
    "fingerprint": "own:blockpage:en",
    "notice": {"class": "slow", "stage": "request", "reason": "the first byte took 1.2 s"},
    "steps": [
      {"stage": "resolve", "class": "ok", "seconds": 0.203, "words": "192.0.2.7"},
      {"stage": "connect", "class": "ok", "seconds": 0.012, "words": "connected"},
      {"stage": "handshake", "class": "ok", "seconds": 0.031, "words": "TLS 1.3"},
      {"stage": "request", "class": "ok", "seconds": 1.25, "words": "200 OK"},
      {"stage": "body", "class": "ok", "seconds": 0.002, "words": "8880 bytes"},
      {"stage": "identity", "class": "ok", "seconds": 0, "words": "the markers are there"}
    ],
    "timings_seconds": {"resolve": 0.203, "connect": 0.012, "handshake": 0, "first_byte": 0, "body": 0},
    "certificate": {"names": ["www.gazette.example", "gazette.example"], "issuer": "CN=Authority", "not_after": "2026-03-01T00:00:00Z", "pin": "sha256/pin="}
  }]
}]`, jsonOf(t, c))
}

func TestJSONIsExactThoughHarmless(t *testing.T) {
	evil := "a\x1bb\u009bc\u202ed\U000e0001e"
	c := of(primaryLink, seenAt("192.0.2.7", health.ConnectRefused, because(evil)))
	text := jsonOf(t, c)
	require.NotContains(t, text, "\u009b")
	require.NotContains(t, text, "\U000e0001")
	var list []struct{ Addresses []struct{ Reason string } }
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	require.Equal(t, evil, list[0].Addresses[0].Reason)
}

func TestTheProgressLineIsErasedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := startProgress(&out)
		p.expect(2)
		p.expect(6)
		for range 3 {
			p.done()
		}
		time.Sleep(2*time.Second + progressPace)
		p.end()
		require.Contains(t, out.String(), "\rlooking… 3 of 8 addresses, 2.1 s\x1b[K")
		require.True(t, strings.HasSuffix(out.String(), "\r\x1b[K"))
	})
}

func TestThereIsNoProgressLineInAFile(t *testing.T) {
	var out bytes.Buffer
	p := newCheckProgress(&out)
	p.end()
	require.Empty(t, out.String())
}
