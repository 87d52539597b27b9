package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
	"github.com/heliograph-edge/heliograph/health/mirrors"
)

// The keys that several worlds have.
const (
	noControl  = "log: {level: info}\n"
	withCanary = "{canary: {key: \"KEY\"}}"
	bothProofs = "{contains: [\"" + lab.Marker + "\"], canary: {key: \"KEY\"}}"
	noProof    = "{paths: [/]}"
	patient    = "    health: {interval: 1s, timeout: 8s}\n"
	withURL    = "control: {urls: [\"CONTROL\"]}\n"
	gentle     = "    health: {interval: 1s, timeout: 3s}\n"
)

// broken is a world in which the primary alone is broken, and readers go to the first alternate.
func broken(fault lab.Fault, class health.Class, verdict health.Verdict) world {
	return world{breaks: [3]lab.Fault{fault}, class: class, verdict: verdict, expects: viaA1}
}

// sound is a world in which what happens to the primary does not keep readers from it.
func sound(fault lab.Fault, class health.Class) world {
	return world{breaks: [3]lab.Fault{fault}, class: class, verdict: health.Healthy, expects: viaP}
}

// with changes a world.
func (w world) with(change func(*world)) world {
	change(&w)
	return w
}

// notP holds that P answers nobody from the moment of the break on.
func notP(w *world) { w.never = "P" }

// matrix is the scenario matrix.
func matrix() []row {
	return append(append(append(matrixNames(), matrixHandshakes()...), matrixAnswers()...), matrixCourse()...)
}

// matrixNames are the rows of names and connections.
func matrixNames() []row {
	return []row{
		{1, "DNS says here that P's name does not exist", []world{broken(lab.DNSNXDomain, health.DNSNXDomain, health.Blocked)}},
		{2, "P's name does not exist for anybody", []world{broken(lab.DomainGone, health.DomainGone, health.Down)}},
		{3, "P's name leads to a private address", []world{broken(lab.DNSBogon, health.DNSPoisoned, health.Blocked)}},
		{4, "P's name leads to a server of block pages", []world{broken(lab.DNSBlockPage, health.DNSPoisoned, health.Blocked)}},
		{5, "a forged DNS answer comes before the true one", []world{sound(lab.DNSInjected, health.DNSInjected)}},
		{6, "DNS fails, refuses or is silent", []world{
			broken(lab.DNSServFail, health.DNSError, health.Down).with(func(w *world) { w.config = noControl }),
			broken(lab.DNSRefused, health.DNSBlocked, health.Blocked),
			broken(lab.DNSSilent, health.DNSTimeout, health.Down).with(func(w *world) { w.config = noControl }),
		}},
		{7, "one of P's three addresses is dead", []world{sound(lab.DNSOneDead, health.ConnectRefused)}},
		{8, "connections to P are refused", []world{broken(lab.Down, health.ConnectRefused, health.Down)}},
		{9, "connections to P are not answered", []world{broken(lab.Blackhole, health.ConnectTimeout, health.Down)}},
	}
}

// matrixHandshakes are the rows of TLS.
func matrixHandshakes() []row {
	return []row{
		{10, "P's handshake is reset for its name; A1's passes at the same address", []world{
			broken(lab.ResetSNI, health.TLSResetSNI, health.Blocked).with(func(w *world) { w.lab.Together = []string{"gazette.example.net"} }),
		}},
		{11, "P's handshake is closed, alerted or not answered", []world{
			broken(lab.TLSEOF, health.TLSEOF, health.Down),
			broken(lab.TLSAlert, health.TLSAlert, health.Down),
			broken(lab.TLSSilence, health.TLSTimeout, health.Down),
		}},
		{12, "P's certificate is from an authority that nobody trusts", []world{broken(lab.UnknownCA, health.TLSUnknownCA, health.Blocked).with(notP)}},
		{13, "P's certificate is for another name, or expired", []world{
			broken(lab.WrongName, health.TLSWrongHost, health.Blocked).with(notP),
			broken(lab.Expired, health.TLSExpired, health.Down).with(notP),
		}},
		{14, "P's TLS port speaks plain HTTP", []world{broken(lab.PlainOnTLS, health.TLSNotTLS, health.Blocked)}},
	}
}

// article is the newspaper's page that quotes block pages.
const article = lab.QuotingPath

// matrixAnswers are the rows of what answers are.
func matrixAnswers() []row {
	return []row{
		{15, "P answers 200 with a block page that is known", []world{
			broken(lab.BlockPage, health.BlockPage, health.Blocked).with(func(w *world) {
				w.config = "fingerprints: [ooni.csv]\n"
				w.then = func(p *play) {
					require.Contains(p, strings.Join(p.view("primary").Evidence, "\n"), "vbw.test.notice", "the fingerprint is named")
				}
			}),
		}},
		{16, "P answers 200 with a block page in unknown words", []world{
			broken(lab.BlockPageUnknown, health.IdentityMissing, health.Hijacked),
			broken(lab.BlockPageUnknown, health.IdentityMismatch, health.Blocked).with(func(w *world) { w.identity = noProof }),
		}},
		{17, "P publishes an article that quotes block pages", []world{
			sound(lab.NoFault, health.OK).with(func(w *world) {
				w.paths = [3]string{article + "?max-age=3600", article + "?max-age=1", article + "?max-age=7200"}
			}),
			sound(lab.NoFault, health.OK).with(func(w *world) {
				w.identity = noProof
				w.paths = [3]string{article + "?max-age=3600", article + "?max-age=1", article + "?max-age=7200"}
			}),
		}},
		{18, "P is redesigned: other titles, other length; its canary is good", []world{
			sound(lab.Redesign, health.OK).with(func(w *world) { w.identity = withCanary }),
		}},
		{19, "P redirects to a warning elsewhere", []world{broken(lab.RedirectOff, health.RedirectOffsite, health.Blocked)}},
		{20, "P redirects on its own site: to https, to its apex, to a language", []world{
			sound(lab.RedirectScheme, health.OK),
			sound(lab.RedirectApex, health.OK).with(func(w *world) {
				w.identity = bothProofs
				w.expects = [3]outcome{stored, {"redirect", ""}, {"redirect", ""}}
			}),
			sound(lab.RedirectLocale, health.OK).with(func(w *world) {
				w.identity = bothProofs
				w.expects = [3]outcome{stored, {"redirect", ""}, {"redirect", ""}}
			}),
		}},
		{21, "P redirects in a circle, too far, or nowhere", []world{
			broken(lab.RedirectLoop, health.RedirectLoop, health.Down),
			broken(lab.RedirectChain, health.RedirectLoop, health.Down),
			broken(lab.RedirectBroken, health.RedirectLoop, health.Down),
		}},
		{22, "P answers 451 and names who has it blocked", []world{broken(lab.Legal451, health.Legal, health.Blocked)}},
		{23, "P denies programs and serves browsers", []world{sound(lab.Bot403, health.Denied)}},
		{24, "P asks for a proof that the reader is a person", []world{broken(lab.Challenge, health.Challenge, health.Down)}},
		{25, "P answers 429 and asks to be left alone", []world{
			broken(lab.RateLimit, health.RateLimited, "").with(func(w *world) { w.expects = [3]outcome{stored, fromA1, fromA1} }),
		}},
		{26, "P answers 500 or 503", []world{
			broken(lab.Error500, health.ServerError, health.Down), broken(lab.Error503, health.ServerError, health.Down),
		}},
		{27, "P shows the banner of whoever seized it, with a valid certificate", []world{
			broken(lab.Seized, health.Seized, health.Hijacked).with(func(w *world) { w.then = staysHijacked }),
		}},
		{28, "P is parked", []world{broken(lab.Parked, health.Parked, health.Hijacked)}},
		{29, "A1 serves a copy of the site with a script added and an old canary, while P is down", []world{{
			identity: bothProofs, breaks: [3]lab.Fault{lab.Down, lab.CopySite}, subject: "alternate1",
			class: health.CanaryStale, verdict: health.Hijacked, expects: viaA2,
		}}},
		{30, "P shows an earlier canary; an earlier list of mirrors is replayed", []world{
			broken(lab.CanaryRollback, health.CanaryStale, health.Hijacked).with(func(w *world) { w.identity = bothProofs; w.then = refusesOldLists }),
		}},
		{31, "P's bodies are cut before their declared end", []world{
			broken(lab.Truncate, health.BodyTruncated, health.Down), broken(lab.TruncateChunked, health.BodyTruncated, health.Down),
			broken(lab.TruncateGzip, health.BodyTruncated, health.Down),
		}},
		{32, "P's pages end half way, without a sign", []world{broken(lab.TruncateClose, health.BodyUnfinished, health.Down)}},
		{33, "P's pages stop coming half way", []world{broken(lab.Freeze, health.BodyStalled, health.Down), broken(lab.Freeze, health.BodyStalled16K, health.Blocked).with(func(w *world) {
			w.identity = "{contains: [\"" + lab.Marker + "\"], paths: [" + lab.LongPath + "]}"
			w.paths[none] = lab.LongPath
		})}},
		{34, "P's pages come at less than 4 kB/s", []world{
			broken(lab.Throttle, health.Throttled, health.Down).with(func(w *world) { w.lab.Rate = 700; w.site = patient }),
		}},
		{35, "P's answers begin late", []world{
			{breaks: [3]lab.Fault{lab.Slow}, lab: lab.Options{Delay: 2 * time.Second}, site: gentle, class: health.Slow, verdict: health.Healthy, expects: [3]outcome{stored, stored, fromA1}},
		}},
	}
}

// staysHijacked holds that a hijacked origin does not come back by itself.
func staysHijacked(p *play) {
	require.NoError(p, p.lab.Origins()[0].Mend())
	p.until("the primary shows the publication again", func() bool { return p.view("primary").Successes >= 6 })
	require.Equal(p, health.Hijacked, p.view("primary").Verdict)
	require.NoError(p, p.clear(health.ID{Site: lab.Site, Origin: "primary"}))
	p.until("the operator's word counts", func() bool { return p.view("primary").Verdict == health.Healthy })
}

// refusesOldLists holds that a signed list of mirrors cannot be rolled back.
func refusesOldLists(p *play) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(p, err)
	id := []byte("gazette1")
	key, err := mirrors.ParseKey(base64.StdEncoding.EncodeToString(slices.Concat([]byte("Ed"), id, public)))
	require.NoError(p, err)
	now := time.Now()
	signed := func(version int) (list, signature []byte) {
		list = fmt.Appendf(nil, `{"heliograph_list":1,"site":"gazette","version":%d,"issued":%q,"expires":%q,"addresses":[{"url":"https://gazette-%d.example"}]}`,
			version, now.Add(-time.Minute).UTC().Format(time.RFC3339), now.Add(time.Hour).UTC().Format(time.RFC3339), version)
		mark := ed25519.Sign(private, list)
		return list, fmt.Appendf(nil, "untrusted comment: a list\n%s\ntrusted comment: of mirrors\n%s\n",
			base64.StdEncoding.EncodeToString(slices.Concat([]byte("Ed"), id, mark)),
			base64.StdEncoding.EncodeToString(ed25519.Sign(private, append(mark, "of mirrors"...))))
	}
	seen := mirrors.Seen{Signed: mirrors.Signed{Site: lab.Site}}
	list, signature := signed(2)
	seen, err = mirrors.Accept(seen, list, signature, []mirrors.Key{key}, now)
	require.NoError(p, err)
	list, signature = signed(1)
	after, err := mirrors.Accept(seen, list, signature, []mirrors.Key{key}, now)
	var refused *mirrors.Refusal
	require.ErrorAs(p, err, &refused)
	require.Equal(p, mirrors.Rollback, refused.Reason)
	require.Equal(p, seen, after, "the newest list stays")
}

// matrixCourse are the rows of what happens over time, and of what readers send.
func matrixCourse() []row {
	asset := [3]string{"/assets/gazette.js?max-age=3600", "/assets/gazette.js?max-age=1", "/assets/gazette.css?max-age=3600"}
	allDown := [3]lab.Fault{lab.Down, lab.Blackhole, lab.Reset}
	return []row{
		{36, "P comes and goes every 2 s", []world{{
			breaks: [3]lab.Fault{lab.Flap}, class: health.ConnectReset, expects: [3]outcome{stored, {"P, A1", "the page"}, {"P, A1", "the page"}}, then: flaps,
		}}},
		{37, "every origin is blocked", []world{{config: withURL, breaks: allDown, class: health.ConnectRefused, verdict: health.Down, expects: asStored}}},
		{38, "the edge's own network is dead", []world{{
			breaks: [3]lab.Fault{lab.Blackhole, lab.Blackhole, lab.Blackhole}, class: health.ConnectTimeout, verdict: health.Suspect,
			expects: asStored, then: suspected,
		}, {
			config: withURL, breaks: [3]lab.Fault{lab.Blackhole, lab.Blackhole, lab.Blackhole}, class: health.ConnectTimeout, verdict: health.Suspect,
			expects: asStored, setUp: func(p *play) { require.NoError(p, p.control.Break(lab.Down)) }, then: suspected,
		}}},
		{39, "P fails and recovers", []world{broken(lab.Down, health.ConnectRefused, health.Down).with(func(w *world) { w.identity = bothProofs; w.then = returns })}},
		{40, "P is blocked for as long as it is tried", []world{
			broken(lab.Residual, health.ConnectReset, health.Down).with(func(w *world) { w.lab.Residual = 15 * time.Second; w.then = waitsItOut }),
		}},
		{41, "P answers scripts and style sheets with a page", []world{
			{breaks: [3]lab.Fault{lab.ScriptAsHTML}, class: health.OK, paths: asset, expects: viaA1, then: rejects},
		}},
		{42, "P's HTTP/2 streams are reset", []world{sound(lab.H2Reset, health.OK).with(func(w *world) { w.expects = viaP })}},
		{43, "a list of mirrors has broken entries", []world{sound(lab.NoFault, health.OK).with(func(w *world) { w.then = toleratesLists })}},
		{44, "P's page names a foreign address as its mirror", []world{sound(lab.NoFault, health.OK).with(func(w *world) { w.then = onlyCandidates })}},
		{45, "A1 leads back to the edge, while P is down", []world{{
			breaks: [3]lab.Fault{lab.Down, lab.Loop}, subject: "alternate1", class: health.LoopDetected, verdict: health.Down, expects: viaA2,
		}}},
		{46, "a reader asks for a host that is not served here", []world{sound(lab.NoFault, health.OK).with(func(w *world) {
			w.host, w.expects = "evil.example", [3]outcome{refused, refused, refused}
		})}},
		{47, "P's name leads to a metadata service", []world{
			broken(lab.DNSMetadata, health.AddressForbidden, health.Blocked).with(func(w *world) { w.config = noControl }),
			broken(lab.DNSMetadata, health.DNSPoisoned, health.Blocked),
		}},
		{48, "every origin shows a block page", []world{{
			breaks: [3]lab.Fault{lab.BlockPage, lab.BlockPageUnknown, lab.Seized}, class: health.BlockPage, verdict: health.Blocked, expects: asStored,
		}}},
		{49, "a reader with credentials asks, while P is down", []world{broken(lab.Down, health.ConnectRefused, health.Down).with(func(w *world) { w.then = passesCredentials })}},
		{50, "a POST is under way when P fails", []world{broken(lab.ResetRequest, health.RequestReset, health.Down).with(func(w *world) { w.then = nil; w.setUp = postsOnce })}},
	}
}

// flaps holds that readers stay with whoever serves them.
func flaps(p *play) {
	for range 24 {
		a := p.get("/news?max-age=0", nil)
		p.expectOwn(a, "while it flaps")
		require.Equal(p, http.StatusOK, a.StatusCode)
		time.Sleep(250 * time.Millisecond)
	}
	require.LessOrEqual(p, p.counter("heliograph_route_switches_total"), 2.0, "readers are not sent to and fro")
}

// suspected holds that the edge doubts its own network rather than all origins.
func suspected(p *play) {
	_, why, doubted := p.tracker.Suspected()
	require.True(p, doubted, "the primary is %+v", p.view("primary"))
	require.NotEmpty(p, why)
	for _, alias := range []string{"primary", "alternate1", "alternate2"} {
		require.True(p, p.view(alias).Verdict.Usable(), "%s: verdicts are frozen", alias)
	}
}

// returns holds that readers return to a primary that is well again, slowly.
func returns(p *play) {
	require.NoError(p, p.lab.Origins()[0].Mend())
	p.until("the primary is well again", func() bool { return p.view("primary").Verdict == health.Healthy })
	require.Equal(p, "A1", p.served(p.get("/news/?max-age=0&at=once", nil)), "readers do not return at once")
	p.until("readers return", func() bool {
		return p.served(p.get(fmt.Sprintf("/news?max-age=0&at=%d", time.Now().UnixNano()), nil)) == "P"
	})
}

// waitsItOut holds that probing does not keep a residual block alive.
func waitsItOut(p *play) {
	p.until("the block was waited out", func() bool { return p.view("primary").Verdict == health.Healthy })
}

// rejects holds that answers were rejected, and counted.
func rejects(p *play) {
	require.Positive(p, p.counter("heliograph_origin_answers_rejected_total"))
}

// counter adds up the series of a counter.
func (p *play) counter(name string) float64 {
	families, err := p.metrics.Registry.Gather()
	require.NoError(p, err)
	total := 0.0
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

// toleratesLists holds that a list with broken entries gives its good ones.
func toleratesLists(p *play) {
	text := `{"version":"2.0","sites":[{"main_domain":"www.gazette.example","available_alternatives":[
		{"proto":"https","type":"mirror","created_at":"2026-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","url":"https://gazette.example.net/"},
		{"proto":"gopher","type":"mirror","url":"gopher://gazette.example.net/"},
		{"proto":"https","type":"mirror","url":""},
		{"proto":"https","type":"mirror","url":"https://gazette.example.net/"},
		{"proto":"https","type":"proxy","url":"https://münchen.example:8443/gazette/"}]}]}`
	list, skipped, err := mirrors.Parse(strings.NewReader(text))
	require.NoError(p, err)
	require.Len(p, list.Sites, 1)
	require.Len(p, list.Sites[0].Alternates, 2, "the international name is an address like others")
	require.NotEmpty(p, skipped)
}

// onlyCandidates holds that an address on a page gets no traffic.
func onlyCandidates(p *play) {
	page := `<html><body><footer>This website can also be accessed at the following alternate addresses:
		<a href="https://evil.example/">evil.example</a></footer></body></html>`
	found := mirrors.Candidates(nil, []byte(page), []string{"www.gazette.example"})
	require.Len(p, found, 1)
	require.Equal(p, "evil.example", found[0].Host)
	require.Len(p, p.tracker.Site(lab.Site), 3, "no origin is added")
}

// passesCredentials holds that answers to credentials come from an origin that is well,
// and are nobody else's: none is stored, and none is from the store.
func passesCredentials(p *play) {
	for state := range copies {
		for range 2 {
			a := p.get(p.path(state)+"&private", http.Header{"Authorization": {"Bearer reader"}})
			require.Equal(p, "A1", p.served(a), "%v", a.Header)
			require.NotContains(p, a.Header.Get("Cache-Status"), "stored")
		}
		a := p.get("/login", nil)
		require.Equal(p, "A1", p.served(a), "%v", a.Header)
	}
}

// postsOnce holds that a POST whose answer is lost is not sent to anybody else.
func postsOnce(p *play) {
	require.NoError(p, p.lab.Origins()[0].Break(lab.ResetRequest))
	for range copies {
		a := p.send(http.MethodPost, "/upload", nil, strings.NewReader("a letter"))
		require.Equal(p, http.StatusBadGateway, a.StatusCode, a.body)
		require.Equal(p, "edge", p.served(a))
	}
}
