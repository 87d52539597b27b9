package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A method that changes something is a request like any other, whatever it wishes:
// it spoils what is stored, and its body is watched.
func TestOnlyAGETCanAskForAnotherProtocol(t *testing.T) {
	var written atomic.Bool
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			written.Store(true)
			body, _ := io.ReadAll(r.Body)
			io.WriteString(w, "upgrade "+r.Header.Get("Upgrade")+", connection "+r.Header.Get("Connection")+", body "+string(body))
			return
		}
		if written.Load() {
			pageHandler("after")(w, r)
			return
		}
		pageHandler("before")(w, r)
	})}})
	s.get("/")
	s.waitPages(1)
	answer := s.send(http.MethodPost, "/", strings.NewReader("text"), "Connection", "Upgrade", "Upgrade", "websocket")
	require.Equal(t, "upgrade , connection , body text", readAll(t, answer))
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=method")
	_, body := s.get("/")
	require.Equal(t, "after", body)
}

// Bytes of a body must not become the beginning of the other protocol.
func TestUpgradeWithABodyIsAnOrdinaryRequest(t *testing.T) {
	m := newMirror(t, "Cache-Control", "no-store")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	for range 2 {
		conn.say("GET /socket HTTP/1.1\r\nHost: " + front + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody")
		require.Equal(t, "/socket", readAll(t, conn.answer(http.MethodGet)))
		require.NotContains(t, m.last.Load().Header, "Upgrade")
	}
}

func TestAnswerThatDoesNotSwitchIsRelayedLikeAnyOther(t *testing.T) {
	begun := make(chan struct{})
	s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.Header().Set("Trailer", "X-Digest")
		w.Header().Set("Location", canonical+"/plain")
		w.WriteHeader(http.StatusUpgradeRequired)
		io.WriteString(w, "speak plainly")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/breaks" {
			io.WriteString(w, strings.Repeat("x", 50_000)) // more than is read ahead
			w.(http.Flusher).Flush()
			<-begun
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Digest", "42")
	})}})
	wish := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	answer := s.send(http.MethodGet, "/socket", nil, wish...)
	require.Equal(t, http.StatusUpgradeRequired, answer.StatusCode)
	require.NotContains(t, answer.Header, "X-Hop")
	require.Equal(t, "/plain", answer.Header.Get("Location"))
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=bypass; fwd-status=426")
	require.Equal(t, "speak plainly", readAll(t, answer))
	require.Equal(t, "42", answer.Trailer.Get("X-Digest"))
	record := s.waitRecords(1)[0]
	require.Equal(t, int64(len("speak plainly")), record.Bytes)
	require.Equal(t, "origin-a", record.Origin)
	require.False(t, record.Aborted)

	broken := s.send(http.MethodGet, "/breaks", nil, wish...)
	close(begun)
	_, err := io.ReadAll(broken.Body)
	require.Error(t, err)
	record = s.waitRecords(2)[1]
	require.True(t, record.Aborted)
	require.Equal(t, "http_response_incomplete", record.Error)
}

func TestUpgradeThatNoOriginAnswersFails(t *testing.T) {
	s := newStage(t, plan{origins: []*httptest.Server{deadOrigin(t)}})
	answer := s.send(http.MethodGet, "/socket", nil, "Connection", "Upgrade", "Upgrade", "websocket")
	require.Equal(t, http.StatusBadGateway, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=bypass")
	require.Equal(t, "connection_refused", s.waitRecords(1)[0].Error)
}
