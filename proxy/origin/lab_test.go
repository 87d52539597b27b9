package origin

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/dial"
	"github.com/heliograph-edge/heliograph/health/lab"
)

// labPool is a pool over the origins of a new lab.
func labPool(t testing.TB, options lab.Options) (*lab.Lab, *Pool) {
	l, err := lab.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	site := Site{Name: siteName, Markers: []string{lab.Marker}}
	policies := map[health.ID]health.Policy{}
	for _, o := range l.Origins() {
		u, err := url.Parse(o.URL())
		require.NoError(t, err)
		policies[id(o.Alias())] = health.Policy{}
		site.Origins = append(site.Origins, NewOrigin(Config{
			ID: id(o.Alias()), URL: u, Way: dial.Way{Addresses: []netip.Addr{o.Addr().Addr()}, Roots: l.CA()},
		}))
	}
	tracker := health.NewTracker(health.Options{})
	tracker.Configure(policies)
	pool := NewPool(site, tracker, Events{})
	t.Cleanup(pool.Close)
	return l, pool
}

func TestEveryFaultOfAnOriginMovesTheReaderToTheNext(t *testing.T) {
	tests := []struct {
		fault lab.Fault
		class health.Class
		stage health.Stage
		early bool // before the request was sent: unsafe requests move on, too
	}{
		{lab.Down, health.ConnectRefused, health.StageConnect, true},
		{lab.ResetSNI, health.TLSReset, health.StageHandshake, true},
		{lab.WrongName, health.TLSWrongHost, health.StageHandshake, true},
		{lab.UnknownCA, health.TLSUnknownCA, health.StageHandshake, true},
		{lab.Expired, health.TLSExpired, health.StageHandshake, true},
		{lab.PlainOnTLS, health.TLSNotTLS, health.StageHandshake, true},
		{lab.ResetRequest, health.RequestReset, health.StageRequest, false},
		{lab.Garbage, health.ProtocolError, health.StageRequest, false},
		{lab.EndlessHeaders, health.HeaderTooLarge, health.StageRequest, false},
		{lab.Error500, health.ServerError, health.StageRequest, false},
		{lab.Error503, health.ServerError, health.StageRequest, false},
		{lab.BlockPage, health.BlockPage, health.StageIdentity, false},
		{lab.Seized, health.Seized, health.StageIdentity, false},
		{lab.Parked, health.Parked, health.StageIdentity, false},
		// Nothing is held back for these: the hedge answers.
		{lab.Blackhole, "", "", true},
		{lab.TLSSilence, "", "", true},
		{lab.Slow, "", "", false},
	}
	for _, test := range tests {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			l, pool := labPool(t, lab.Options{Origins: []string{"www.gazette.example", "gazette.example.net"}})
			require.NoError(t, l.Origins()[0].Break(test.fault))
			got, err := pool.Fetch(t.Context(), ask(http.MethodGet, "/"))
			require.NoError(t, err)
			require.Equal(t, "alternate1", got.Origin)
			require.Equal(t, "gazette.example.net", got.Response.Header.Get("X-Served-By"))
			text := readAll(t, got)
			require.Contains(t, text, lab.Marker)
			require.Contains(t, text, "gazette.example.net", "the page's own addresses follow the Host that was asked for")
			if test.class != "" {
				require.Equal(t, test.class, got.Attempts[0].Class, got.Attempts[0].Reason)
				require.Equal(t, test.stage, got.Attempts[0].Stage)
			} else {
				// On a slow machine the first attempt may end before the hedge answers.
				require.True(t, got.Attempts[len(got.Attempts)-1].Hedge)
			}
			if test.early {
				requireLetterArrives(t, pool)
			}
		})
	}
}

// requireLetterArrives checks that a POST finds the alternate.
func requireLetterArrives(t *testing.T, pool *Pool) {
	t.Helper()
	letter := ask(http.MethodPost, "/upload")
	letter.Header.Set("Content-Type", "text/plain")
	letter.Body = NewBody(strings.NewReader("a letter"), 8)
	got, err := pool.Fetch(t.Context(), letter)
	require.NoError(t, err)
	defer got.Response.Body.Close()
	require.Equal(t, "alternate1", got.Origin)
	require.Less(t, got.Response.StatusCode, 300)
	_, err = io.Copy(io.Discard, got.Response.Body)
	require.NoError(t, err)
}
