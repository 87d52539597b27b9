package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
)

func TestRequestsInFlightAreCountedForTheirSiteAcrossASwap(t *testing.T) {
	arrived, more := make(chan struct{}), make(chan struct{})
	arrive, release := sync.OnceFunc(func() { close(arrived) }), sync.OnceFunc(func() { close(more) })
	slow := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		arrive()
		<-more
		io.WriteString(w, "at last")
	})
	t.Cleanup(release) // before the origin ends, which waits for its requests
	p := plan{origins: []*httptest.Server{slow}}
	s := newStage(t, p)
	before := s.edge.Sites().All()[0]
	require.Zero(t, before.InFlight())
	answered := make(chan error, 1)
	go func() {
		answer, err := s.client.Get("http://" + front + "/")
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		answered <- err
	}()
	<-arrived
	require.Equal(t, int64(1), before.InFlight())

	next := s.site(p)
	t.Cleanup(next.Pool.Close)
	s.edge.Serve(proxy.NewSites(edgeID, []*proxy.Site{next}))
	require.Equal(t, int64(1), next.InFlight(), "the site has it still")
	refused := s.send(http.MethodGet, "/", nil, "Host", "elsewhere.test")
	require.Equal(t, http.StatusMisdirectedRequest, refused.StatusCode)
	require.Equal(t, int64(1), next.InFlight(), "what no site matches is no site's")

	release()
	require.NoError(t, <-answered)
	require.Eventually(t, func() bool { return next.InFlight() == 0 }, waitLong, tick)
}

func TestRecordHasTheDeclaredSizeOfTheRequest(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for i, test := range []struct {
		body io.Reader
		want int64
	}{
		{nil, 0},
		{strings.NewReader("twelve bytes"), 12},
		{io.MultiReader(strings.NewReader("in chunks")), 0},
	} {
		readAll(t, s.send(http.MethodPost, "/form", test.body))
		require.Equal(t, test.want, s.waitRecords(i + 1)[i].Declared)
	}
}

func TestRecordSaysHowOldAStalePageWas(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60, stale-while-revalidate=600")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	s.get("/")
	s.waitPages(1)
	s.pass(30 * time.Second)
	s.get("/")
	s.pass(130 * time.Second)
	s.get("/")
	records := s.waitRecords(3)
	require.Equal(t, []cache.Result{cache.Miss, cache.Hit, cache.Stale},
		[]cache.Result{records[0].Result, records[1].Result, records[2].Result})
	require.Zero(t, records[0].Overdue)
	require.Zero(t, records[1].Overdue)
	require.GreaterOrEqual(t, records[2].Overdue, 100*time.Second)
	require.Less(t, records[2].Overdue, 100*time.Second+2*waitLong, "not the page's whole age, nor its lifetime")
}
