package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy"
)

// cut is a handler whose answer breaks off before its end.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// deadOrigin is an origin whose port nobody listens on any more.
func deadOrigin(t *testing.T) *httptest.Server {
	server := newOrigin(t, cut)
	server.Close()
	return server
}

// requireNoInternals checks that an answer names nothing behind the edge.
func requireNoInternals(t *testing.T, answer *http.Response, body string, origins ...*httptest.Server) {
	t.Helper()
	var seen strings.Builder
	require.NoError(t, answer.Header.Write(&seen))
	seen.WriteString(body)
	for _, o := range origins {
		address := o.Listener.Addr().String()
		require.NotContains(t, seen.String(), address)
		require.NotContains(t, seen.String(), address[strings.LastIndexByte(address, ':')+1:], "the port")
	}
	for _, word := range []string{"127.0.0.1", "origin-", "gazette", "refused", "dial", "EOF", "tcp", "goroutine"} {
		require.NotContains(t, body, word)
	}
	for _, word := range []string{"127.0.0.1", "origin-", "gazette", "dial", "EOF", "tcp"} {
		require.NotContains(t, seen.String(), word)
	}
}

func TestErrorPagesNameNothingBehindTheEdge(t *testing.T) {
	for name, test := range map[string]struct {
		origins []*httptest.Server
		status  int
		kind    string
	}{
		"nothing listens":     {[]*httptest.Server{deadOrigin(t), deadOrigin(t)}, 502, "connection_refused"},
		"the connection dies": {[]*httptest.Server{newOrigin(t, cut)}, 502, "connection_terminated"},
		"garbage": {[]*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "this is no HTTP\r\n\r\n")
			conn.Close()
		})}, 502, "http_protocol_error"},
		"a challenge": {[]*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cf-Mitigated", "challenge")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "<html><script src=/challenge.js></script>")
		})}, 503, "destination_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, plan{origins: test.origins})
			for accept, contentType := range map[string]string{
				"text/html,*/*;q=0.8": "text/html; charset=utf-8", "*/*": "text/plain; charset=utf-8", "application/json": "text/plain; charset=utf-8",
			} {
				answer, body := s.get("/secret-path?token=1", "Accept", accept)
				require.Equal(t, test.status, answer.StatusCode)
				require.Contains(t, answer.Header.Get("Proxy-Status"), "error="+test.kind)
				require.Equal(t, "10", answer.Header.Get("Retry-After"))
				require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
				require.Equal(t, contentType, answer.Header.Get("Content-Type"))
				require.Equal(t, contentType == "text/html; charset=utf-8", strings.Contains(body, "<html"))
				require.NotContains(t, body, "secret-path")
				requireNoInternals(t, answer, body, test.origins...)
			}
			head := s.send(http.MethodHead, "/", nil)
			require.Equal(t, test.status, head.StatusCode)
			require.Empty(t, readAll(t, head))
		})
	}
}

func TestOnlyIfCachedAsksNoOrigin(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	answer := s.send(http.MethodGet, "/", nil, "Cache-Control", "only-if-cached")
	require.Equal(t, http.StatusGatewayTimeout, answer.StatusCode)
	require.NotContains(t, answer.Header.Get("Cache-Status"), "fwd")
	require.NotContains(t, answer.Header, "Retry-After", "it is the reader's own wish")
	require.Zero(t, m.requests.Load())
}

// An origin's own error is passed on, marked as such, where nobody has better.
func TestOriginsOwnErrorIsPassedOn(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "closed for today", http.StatusServiceUnavailable)
	})}})
	answer, body := s.get("/")
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "closed for today\n", body)
	require.Contains(t, answer.Header.Get("Proxy-Status"), "received-status=503")
}

func TestStoredCopyIsServedInsteadOfAnError(t *testing.T) {
	var broken atomic.Bool
	server := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			cut(w, r)
		}
		pageHandler("the page")(w, r)
	})
	s := newStage(t, plan{origins: []*httptest.Server{server}, adjust: func(site *proxy.Site) {
		site.Policy = cache.Policy{Stale: time.Hour, Outage: 24 * time.Hour}
	}})
	s.get("/")
	s.waitPages(1)
	broken.Store(true)
	s.pass(30 * time.Minute)
	answer, body := s.get("/")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "the page", body)
	require.Contains(t, answer.Header.Get("Cache-Status"), "; fwd=stale; ttl=-")
	require.Contains(t, answer.Header.Get("Cache-Status"), "detail=error")
	require.Regexp(t, `^18\d\d$`, answer.Header.Get("Age"))
	again, _ := s.get("/other")
	require.Equal(t, http.StatusBadGateway, again.StatusCode, "nothing is stored for it")

	records := s.waitRecords(3)
	require.Equal(t, cache.Stale, records[1].Result)
	require.Equal(t, cache.Failed, records[2].Result)
	require.Equal(t, "connection_terminated", records[2].Error)
	require.Contains(t, records[2].Reason, "origin-a", "the operator is told which origin failed")
}

// In an outage even a page that is past its time by more than Stale is better than none.
func TestOutageServesWhatIsStoredWithoutWaiting(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}, adjust: func(site *proxy.Site) {
		site.Policy = cache.Policy{Stale: time.Minute, Outage: 24 * time.Hour}
	}})
	s.get("/")
	s.waitPages(1)
	id := health.ID{Site: "gazette", Origin: "origin-a"}
	for range 10 {
		s.tracker.Observe(id, health.Observation{At: time.Now(), Class: health.ConnectRefused, Stage: health.StageConnect})
	}
	s.pass(2 * time.Hour)
	answer, _ := s.get("/")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Cache-Status"), "detail=outage")
	require.Equal(t, int64(1), m.requests.Load())
}

// An answer that breaks off must not end like a whole one, whatever the framing.
func TestAnswerThatBreaksOffCutsTheReadersConnection(t *testing.T) {
	for name, fields := range map[string][]string{
		"stored, length unknown":     {"Cache-Control", "max-age=60"},
		"stored, length declared":    {"Cache-Control", "max-age=60", "Content-Length", "100000"},
		"not stored, length unknown": {"Cache-Control", "no-store"},
		"not stored, declared":       {"Cache-Control", "no-store", "Content-Length", "100000"},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
			t.Run(name+" "+proto, func(t *testing.T) {
				var requests atomic.Int64
				begun := make(chan struct{})
				s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, func(w http.ResponseWriter, _ *http.Request) {
					for i := 0; i < len(fields); i += 2 {
						w.Header().Set(fields[i], fields[i+1])
					}
					io.WriteString(w, strings.Repeat("x", 50_000))
					http.NewResponseController(w).Flush()
					<-begun
					panic(http.ErrAbortHandler)
				}))}})
				conn := s.rawConn()
				conn.say("GET / " + proto + "\r\nHost: " + front + "\r\n\r\n")
				answer := conn.answer(http.MethodGet)
				close(begun) // the reader has the header
				require.Equal(t, http.StatusOK, answer.StatusCode)
				_, err := io.Copy(io.Discard, answer.Body)
				require.Error(t, err)
				record := s.waitRecords(1)[0]
				require.True(t, record.Aborted)
				require.Equal(t, "http_response_incomplete", record.Error)

				second := s.send(http.MethodGet, "/", nil)
				require.NotContains(t, second.Header.Get("Cache-Status"), "hit", "a part is never stored")
				require.Equal(t, int64(2), requests.Load())
			})
		}
	}
}

func TestReaderWhoLeavesIsNobodysFailure(t *testing.T) {
	for name, request := range map[string]string{
		"waiting for an answer":   "GET /wait HTTP/1.1\r\nHost: " + front + "\r\n\r\n",
		"waiting, not stored":     "OPTIONS /wait HTTP/1.1\r\nHost: " + front + "\r\n\r\n",
		"in the middle of a body": "POST /upload HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 100000\r\n\r\nbody",
		"in the middle of chunks": "POST /upload HTTP/1.1\r\nHost: " + front + "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			arrived, over := make(chan error, 1), make(chan struct{})
			s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
				arrived <- nil
				if r.Method == http.MethodPost {
					_, err := io.Copy(io.Discard, r.Body)
					arrived <- err
					return
				}
				select {
				case <-r.Context().Done():
				case <-over:
				}
			})}})
			defer close(over)
			conn := s.rawConn()
			conn.say(request)
			<-arrived
			conn.Close()
			record := s.waitRecords(1)[0]
			require.Equal(t, 499, record.Status)
			require.Empty(t, record.Error)
			if record.Method == http.MethodPost {
				require.Error(t, <-arrived, "the origin must not take the body for whole")
			}
			for _, view := range s.tracker.Site("gazette") {
				require.Zero(t, view.LiveFailures)
				require.Equal(t, health.Unknown, view.Verdict)
			}
		})
	}
}

// The shutdown of the cache ends fills, and what follows them, as a failure of ours.
func TestClosedCacheAnswersUnavailable(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	s.cache.Close()
	answer, body := s.get("/")
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Proxy-Status"), "error=proxy_internal_error")
	requireNoInternals(t, answer, body, m.Server)
}

// The next origin takes over before the reader sees a byte.
func TestReaderDoesNotNoticeAFailover(t *testing.T) {
	alternate := newOrigin(t, pageHandler("from the alternate"))
	s := newStage(t, plan{origins: []*httptest.Server{deadOrigin(t), alternate}})
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	for i := range 20 {
		require.NoError(t, ctx.Err())
		answer, body := s.get(fmt.Sprintf("/%d", i))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, "from the alternate", body)
	}
	require.Equal(t, "origin-b", s.waitRecords(20)[0].Origin)
	require.Equal(t, 2, s.waitRecords(20)[0].Attempts)
}
