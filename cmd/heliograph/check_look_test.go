package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
	"github.com/heliograph-edge/heliograph/health/probe"
	"github.com/heliograph-edge/heliograph/health/resolve"
)

// lookAtServer is a look at a server's front page and nothing else.
func lookAtServer(t *testing.T, handler http.HandlerFunc) checkLook {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return checkLook{url: u.String(), target: probe.Target{URL: u, Timeout: time.Minute}}
}

func TestACheckKeepsToItsNumberOfLooks(t *testing.T) {
	var mu sync.Mutex
	at, most := 0, 0
	full, open := make(chan struct{}), make(chan struct{})
	look := lookAtServer(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		at++
		if most = max(most, at); at == maxLooks && most == maxLooks {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		<-open
		mu.Lock()
		at--
		mu.Unlock()
		_, _ = io.WriteString(w, "<html><title>The Harbour Gazette</title></html>")
	})
	var looks []checkLook
	for range 3 * maxLooks {
		looks = append(looks, look)
	}
	go func() { <-full; close(open) }()
	found := lookAll(t.Context(), looks, startProgress(nil))
	require.Len(t, found, 3*maxLooks)
	for _, c := range found {
		require.Equal(t, health.OK, c.results[0].Class, c.results[0].Reason)
	}
	require.Equal(t, maxLooks, most)
}

func TestACheckThatIsCutShortTellsWhatItKnows(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	good := lookAtServer(t, lab.Newspaper("www.gazette.example").ServeHTTP)
	silent := lookAtServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := startProgress(nil)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for p.looked.Load() == 0 {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
		cancel()
	}()
	conclusions := concludeAll(lookAll(ctx, []checkLook{good, silent}, p))
	require.Equal(t, conclusion{health.Healthy, "well: its one address answers"}, conclusions[0])
	require.Equal(t, health.Unknown, conclusions[1].Verdict)
	require.Contains(t, conclusions[1].Words, "not looked at: the look was cut short")
}

func TestACheckThatIsCutShortSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, notes bytes.Buffer
	flags := checkFlags{color: "never"}
	look := lookAtServer(t, lab.Newspaper("www.gazette.example").ServeHTTP)
	require.ErrorIs(t, flags.run(ctx, checkPlan{looks: []checkLook{look}}, &out, &notes), errUnwell)
	require.Contains(t, out.String(), "not looked at: ")
	require.Equal(t, "heliograph: cut short; this is what was seen until then\n", notes.String())
}

func TestEachAddressIsLookedAtWithWhatDNSSaidOfIt(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8"), netip.MustParseAddr("198.51.100.9")
	look := checkLook{target: of(primaryLink).target, resolver: &resolve.Resolver{}}
	lookup := func(answers ...resolve.Answer) resolve.Result {
		result := resolve.Result{Answers: answers, Finding: resolve.Compare(answers[0], answers[1:])}
		for _, answer := range answers {
			result.Addresses = append(result.Addresses, answer.Addresses...)
		}
		return result
	}
	for name, test := range map[string]struct {
		found resolve.Result
		err   error
		want  []string // what each look is led by
	}{
		"agreed":                        {found: lookup(said("192.0.2.7", "192.0.2.8")), want: []string{"DNS [192.0.2.7]", "DNS [192.0.2.8]"}},
		"other addresses":               {found: lookup(said("192.0.2.7"), said("198.51.100.9")), want: []string{"DNS [192.0.2.7]", "straight [198.51.100.9]"}},
		"poisoned":                      {found: lookup(forbids(said(), "10.0.0.1"), said("192.0.2.8")), want: []string{"DNS [192.0.2.8]", "straight [192.0.2.8]"}},
		"nobody knows":                  {found: lookup(came(resolve.NXDomain)), err: io.EOF, want: []string{"DNS []"}},
		"missing here, known elsewhere": {found: lookup(came(resolve.NXDomain), said("192.0.2.8"), said("192.0.2.8")), want: []string{"DNS [192.0.2.8 192.0.2.8]", "straight [192.0.2.8]"}},
	} {
		var got []string
		for _, target := range look.ledBy(test.found, test.err) {
			if target.Lookup == nil {
				got = append(got, fmt.Sprintf("straight %v", target.Addresses))
				continue
			}
			result, err := target.Lookup(t.Context(), "www.gazette.example")
			require.Equal(t, test.err, err, name)
			got = append(got, fmt.Sprintf("DNS %v", result.Addresses))
		}
		require.Equal(t, test.want, got, name)
	}
	require.Len(t, look.straightTo([]netip.Addr{a, b, c}), 3)
}

func TestAnAddressNeedsNoResolver(t *testing.T) {
	link, err := url.Parse("https://[2001:db8::7]:8443/")
	require.NoError(t, err)
	look := checkLook{target: probe.Target{URL: link}, resolver: &resolve.Resolver{}}
	require.Equal(t, []netip.Addr{netip.MustParseAddr("2001:db8::7")}, look.known())
	look.target.URL = of(primaryLink).target.URL
	require.Empty(t, look.known())
	look.target.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	require.Equal(t, look.target.Addresses, look.known())
}
