package proxy_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/proxy"
)

func TestEveryRequestHasOneRecord(t *testing.T) {
	m := newMirror(t, "Cache-Control", "max-age=60")
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	for i, test := range []struct {
		method, target, host string
		want                 proxy.Record
	}{
		{"GET", "/page?q=secret", front, proxy.Record{
			Site: "gazette", Status: 200, Bytes: 14, Origin: "origin-a", Attempts: 1, Result: cache.Miss}},
		{"GET", "/page?q=secret", otherFront, proxy.Record{
			Site: "gazette", Status: 200, Bytes: 14, Origin: "origin-a", Result: cache.Hit}},
		{"POST", "/form", front, proxy.Record{
			Site: "gazette", Status: 200, Bytes: 5, Origin: "origin-a", Attempts: 1, Result: cache.Bypass}},
		{"GET", "/", "elsewhere.test", proxy.Record{
			Status: 421, Result: cache.Bypass, Error: "http_request_denied", Reason: "no site has this front"}},
		{"HEAD", "/page?q=secret", front, proxy.Record{
			Site: "gazette", Status: 200, Origin: "origin-a", Result: cache.Hit}},
	} {
		answer := s.send(test.method, test.target, nil, "Host", test.host)
		body := readAll(t, answer)
		got := s.waitRecords(i + 1)[i]
		require.Equal(t, test.method, got.Method)
		require.Equal(t, "HTTP/1.1", got.Proto)
		path, _, _ := strings.Cut(test.target, "?")
		require.Equal(t, path, got.Path, "without the query")
		require.Positive(t, got.TTFB)
		require.GreaterOrEqual(t, got.Duration, got.TTFB)
		if test.want.Status == http.StatusMisdirectedRequest {
			test.want.Bytes = int64(len(body))
		}
		got.Start, got.Duration, got.TTFB, got.Method, got.Path, got.Proto = time.Time{}, 0, 0, "", "", ""
		require.Equal(t, test.want, got)
		if i == 0 {
			s.waitPages(1)
		}
	}
}

func TestRecordSaysNothingOfTheReaderUnlessAsked(t *testing.T) {
	m := newMirror(t)
	s := newStage(t, plan{origins: []*httptest.Server{m.Server}})
	conn := s.rawConn()
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	require.NoError(t, err)
	conn.say("GET /a HTTP/1.1\r\nHost: " + front + "\r\nUser-Agent: telltale\r\nCookie: telltale\r\n\r\n")
	readAll(t, conn.answer(http.MethodGet))
	conn.say("POST /b HTTP/1.1\r\nHost: " + front + "\r\nContent-Length: 100\r\n\r\nhalf")
	conn.Close()
	for _, record := range s.waitRecords(2) {
		text, err := json.Marshal(record)
		require.NoError(t, err)
		require.NotContains(t, string(text), "127.0.0.1")
		require.NotContains(t, string(text), ":"+port)
		require.NotContains(t, string(text), "telltale")
		require.Empty(t, record.Reader)
	}

	asked := newStage(t, plan{origins: []*httptest.Server{m.Server}, options: func(o *proxy.Options) {
		o.Reader = func(remote string) string { return "truncated " + remote[:len("127.0.")] }
	}})
	asked.get("/")
	require.Equal(t, "truncated 127.0.", asked.waitRecords(1)[0].Reader)
}

// A reader who goes in the middle of the answer has a record, too.
func TestRecordOfAnAnswerThatNobodyTookToItsEnd(t *testing.T) {
	for _, control := range []string{"max-age=60", "no-store"} {
		s := newStage(t, plan{origins: []*httptest.Server{newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", control)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
					return
				}
			}
		})}})
		conn := s.rawConn()
		conn.say("GET / HTTP/1.1\r\nHost: " + front + "\r\n\r\n")
		answer := conn.answer(http.MethodGet)
		_, err := io.CopyN(io.Discard, answer.Body, 100_000)
		require.NoError(t, err)
		conn.Close()
		record := s.waitRecords(1)[0]
		require.True(t, record.Aborted)
		require.Equal(t, http.StatusOK, record.Status)
		require.GreaterOrEqual(t, record.Bytes, int64(100_000))
		require.Empty(t, record.Error, "it is the reader who left")
	}
}

func TestLabelsOfARecordAreFromClosedSets(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE", "get", "BREW", ""} {
		require.Contains(t, proxy.MethodLabels(), (&proxy.Record{Method: method}).MethodLabel())
	}
	for _, status := range []int{0, 101, 200, 304, 421, 499, 503, 599, 777, 999, -1} {
		require.Contains(t, proxy.CodeClasses(), (&proxy.Record{Status: status}).CodeClass())
	}
	require.Equal(t, "4xx", (&proxy.Record{Status: 499}).CodeClass())
}
