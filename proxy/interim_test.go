package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is an interim answer as a reader got it.
type told struct {
	code   int
	header textproto.MIMEHeader
}

// interims fetches a page, and returns what came before it.
func (s *stage) interims(path string) ([]told, *http.Response, string) {
	var all []told
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			all = append(all, told{code, header})
			return nil
		},
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+front+path, nil)
	require.NoError(s.t, err)
	answer, err := s.client.Do(request)
	require.NoError(s.t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	return all, answer, string(body)
}

func TestEveryInterimAnswerReachesTheReader(t *testing.T) { // RFC 9110 §15.2
	for _, lasts := range []string{"max-age=60", "no-store"} {
		server := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
			header := w.Header()
			header.Set("X-Step", "one")
			header.Set("Set-Cookie", "a=1")
			w.WriteHeader(http.StatusProcessing)
			header.Set("X-Step", "two")
			header.Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			header.Del("Link")
			w.WriteHeader(http.StatusEarlyHints)
			for range 5 {
				w.WriteHeader(199)
			}
			header.Del("X-Step")
			header.Del("Set-Cookie")
			header.Set("Cache-Control", lasts)
			io.WriteString(w, "page")
		})
		s := newStage(t, plan{origins: []*httptest.Server{server}})
		for _, path := range []string{"/a", "/b", "/c", "/d"} {
			all, answer, body := s.interims(path)
			require.Equal(t, "page", body)
			var codes []int
			for _, i := range all {
				codes = append(codes, i.code)
				require.NotContains(t, i.header, "Set-Cookie")
				require.NotContains(t, i.header, "Connection")
			}
			require.Equal(t, []int{102, 103, 103, 199, 199, 199, 199, 199}, codes)
			require.Equal(t, "one", all[0].header.Get("X-Step"))
			require.Equal(t, "</a.css>; rel=preload", all[1].header.Get("Link"))
			require.Empty(t, all[2].header.Get("Link"))
			require.NotContains(t, answer.Header, "X-Step", "they are not part of the answer")
			require.NotContains(t, answer.Header, "Link")
		}
		if lasts != "no-store" {
			s.waitPages(4)
			all, answer, _ := s.interims("/a")
			require.Empty(t, all, "nor of what is stored")
			require.Contains(t, answer.Header.Get("Cache-Status"), "; hit")
			require.NotContains(t, answer.Header, "X-Step")
		}
	}
}
