package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/lab"
	"github.com/heliograph-edge/heliograph/proxy/origin"
)

// halves answers in two parts: the second is sent when more is closed.
func halves(more <-chan struct{}, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
		io.WriteString(w, "second")
	}
}

func TestFirstBytesArriveBeforeTheOriginHasEnded(t *testing.T) {
	for name, fields := range map[string][]string{
		"stored, length unknown":     {"Cache-Control", "max-age=60"},
		"stored, length declared":    {"Cache-Control", "max-age=60", "Content-Length", "12"},
		"not stored, length unknown": {"Cache-Control", "no-store"},
		"not stored, declared":       {"Cache-Control", "no-store", "Content-Length", "12"},
	} {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, halves(more, fields...))}})
			answer := s.send(http.MethodGet, "/", nil)
			first := make([]byte, len("first "))
			_, err := io.ReadFull(answer.Body, first)
			require.NoError(t, err)
			require.Equal(t, "first ", string(first))
			close(more)
			rest, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, "second", string(rest))
		})
	}
}

func TestRequestBodyStreamsToTheOrigin(t *testing.T) {
	arrived := make(chan string, 1)
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, len("first "))
		io.ReadFull(r.Body, first)
		arrived <- string(first)
		rest, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s%s", first, rest)
	})}})
	body, feed := io.Pipe()
	go func() {
		io.WriteString(feed, "first ")
		if got := <-arrived; got == "first " {
			io.WriteString(feed, "second")
		}
		feed.Close()
	}()
	answer := s.send(http.MethodPost, "/upload", body)
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "first second", string(got))
}

// An answer that begins before the request has ended must not cost the request
// its remaining bytes.
func TestAnswerMayBeginWhileTheRequestBodyStillArrives(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "heard %s\n", lines.Text())
			w.(http.Flusher).Flush()
		}
	})}})
	body, feed := io.Pipe()
	defer feed.Close()
	go io.WriteString(feed, "one\n")
	answer := s.send(http.MethodPost, "/talk", body)
	heard := bufio.NewReader(answer.Body)
	for _, word := range []string{"one", "two", "three"} {
		line, err := heard.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "heard "+word+"\n", line)
		next := map[string]string{"one": "two\n", "two": "three\n", "three": ""}[word]
		_, err = io.WriteString(feed, next)
		require.NoError(t, err)
	}
	feed.Close()
	rest, err := io.ReadAll(heard)
	require.NoError(t, err)
	require.Empty(t, rest)
}

// gazette is a stage before the lab's newspaper.
func gazette(t *testing.T, secure bool) *stage {
	start := httptest.NewServer
	p := plan{}
	if secure {
		start = httptest.NewTLSServer
	}
	server := start(lab.Newspaper("primary"))
	t.Cleanup(server.Close)
	p.origins = []*httptest.Server{server}
	if secure {
		p.config = func(c *origin.Config) {
			c.Way.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
	}
	return newStage(t, p)
}

func TestServerSentEventsArriveOneByOne(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := gazette(t, secure)
		answer := s.send(http.MethodGet, "/events", nil)
		require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
		lines := bufio.NewScanner(answer.Body)
		var ids []string
		for len(ids) < 3 && lines.Scan() { // the stream itself never ends
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				ids = append(ids, id)
			}
		}
		require.Equal(t, []string{"1", "2", "3"}, ids)
		answer.Body.Close()
	}
}

func TestWebSocketEchoesThroughTheEdge(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := gazette(t, secure)
		conn := s.rawConn()
		conn.say("GET /socket HTTP/1.1\r\nHost: " + front + "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		answer := conn.answer(http.MethodGet)
		require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
		require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", answer.Header.Get("Sec-WebSocket-Accept"))
		requireStamped(t, answer)
		require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=bypass; fwd-status=101")
		// A masked text frame "hi" with a mask of zeros, RFC 6455 §5.2.
		conn.say("\x81\x82\x00\x00\x00\x00hi")
		echo := make([]byte, 4)
		_, err := io.ReadFull(conn, echo)
		require.NoError(t, err)
		require.Equal(t, "\x81\x02hi", string(echo))
		conn.Close()
		record := s.waitRecords(1)[0]
		require.Equal(t, http.StatusSwitchingProtocols, record.Status)
		require.Equal(t, "origin-a", record.Origin)
		require.Equal(t, int64(4), record.Bytes, "what came through the tunnel")
	}
}

// An upgrade to another HTTP would carry requests past the guard.
func TestUpgradeToAnotherHTTPIsNotPassedOn(t *testing.T) {
	for _, protocol := range []string{"h2c", "HTTP/2.0", "TLS/1.2, HTTP/1.1", "websocket, h2c"} {
		seen := make(chan http.Header, 1)
		s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header
			pageHandler("a page")(w, r)
		})}})
		answer, body := s.get("/", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", protocol, "HTTP2-Settings", "AAMAAABkAAQAAP__")
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, "a page", body)
		header := <-seen
		require.NotContains(t, header, "Upgrade", protocol)
		require.NotContains(t, header, "Http2-Settings", protocol)
		require.NotContains(t, header, "Connection", protocol)
	}
}

func TestUpgradeKeepsTheQueryAndLosesForwardingFields(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.Header().Set("Location", canonical+"/elsewhere")
		w.WriteHeader(http.StatusFound)
	})}})
	answer := s.send(http.MethodGet, "/socket?a=1;b=%zz&c", nil, "Connection", "Upgrade", "Upgrade", "websocket",
		"X-Forwarded-For", "192.0.2.7", "X_Forwarded_For", "192.0.2.7", "Cookie", "a=b", "Forwarded", "for=192.0.2.7")
	require.Equal(t, "/elsewhere", answer.Header.Get("Location"))
	arrived := <-seen
	require.Equal(t, "/socket?a=1;b=%zz&c", arrived.RequestURI)
	require.Equal(t, "websocket", arrived.Header.Get("Upgrade"))
	require.Equal(t, edgeID, arrived.Header.Get("Cdn-Loop"))
	for _, name := range []string{"X-Forwarded-For", "X_Forwarded_For", "Cookie", "Forwarded"} {
		require.NotContains(t, arrived.Header, name)
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Digest")
		w.Header().Set("Cache-Control", "no-store")
		io.Copy(w, r.Body)
		w.Header().Set("X-Digest", r.Trailer.Get("X-Sum"))
		for name := range r.Trailer {
			w.Header().Add(http.TrailerPrefix+"X-Seen", name)
		}
	})}})
	conn := s.rawConn()
	conn.say("POST /t HTTP/1.1\r\nHost: " + front + "\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n" +
		"Trailer: X-Sum, X-Forwarded-For, Cookie\r\n\r\n" +
		"4\r\nbody\r\n0\r\nX-Sum: 42\r\nX-Forwarded-For: 192.0.2.7\r\nCookie: a=b\r\nX_Real_Ip: 192.0.2.7\r\n\r\n")
	answer := conn.answer(http.MethodPost)
	require.Contains(t, answer.Trailer, "X-Digest", "the trailer is announced")
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
	require.Equal(t, "42", answer.Trailer.Get("X-Digest"))
	require.Equal(t, []string{"X-Sum"}, answer.Trailer["X-Seen"], "what reached the origin")
}

func TestEarlyHintsComeBeforeTheAnswer(t *testing.T) {
	var requests atomic.Int64
	paper := lab.Newspaper("primary")
	more := make(chan struct{})
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, counted(&requests, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		<-more
		if r.URL.Path == "/pass" {
			w.Header().Set("Cache-Control", "no-store")
			return
		}
		paper.ServeHTTP(w, r)
	}))}})
	for range 10 { // hints of an origin that is not known to be well are held back
		s.tracker.Observe(health.ID{Site: "gazette", Origin: "origin-a"}, health.Observation{At: time.Now(), Class: health.OK})
	}
	for target, stored := range map[string]bool{"/early": true, "/pass": false} {
		conn := s.rawConn()
		conn.say("GET " + target + " HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
		hints := conn.answer(http.MethodGet)
		require.Equal(t, http.StatusEarlyHints, hints.StatusCode)
		require.Equal(t, "</style.css>; rel=preload", hints.Header.Get("Link"))
		more <- struct{}{}
		for hints = conn.answer(http.MethodGet); hints.StatusCode == http.StatusEarlyHints; {
			hints = conn.answer(http.MethodGet) // the newspaper's own
		}
		require.Equal(t, http.StatusOK, hints.StatusCode)
		requireStamped(t, hints)
		require.NotContains(t, hints.Header.Get("Link"), "/style.css", "the hint is not the answer's")
		require.Equal(t, stored, strings.Contains(hints.Header.Get("Cache-Status"), "stored"))
	}
	close(more)
	old := s.rawConn()
	old.say("GET /pass HTTP/1.0\r\nHost: " + front + "\r\n\r\n")
	require.Equal(t, http.StatusOK, old.answer(http.MethodGet).StatusCode, "HTTP/1.0 knows no 103")
}

func TestExpectContinueIsTheOriginsToAnswer(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "got %s", body)
	})}})
	conn := s.rawConn()
	conn.say("POST /taken HTTP/1.1\r\nHost: " + front + "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	require.Equal(t, http.StatusContinue, conn.answer(http.MethodPost).StatusCode)
	conn.say("body")
	answer := conn.answer(http.MethodPost)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "got body", string(body))

	conn = s.rawConn()
	conn.say("POST /refused HTTP/1.1\r\nHost: " + front + "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	require.Equal(t, http.StatusRequestEntityTooLarge, conn.answer(http.MethodPost).StatusCode, "no body was asked for")
}
