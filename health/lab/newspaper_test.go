package lab

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// ask puts one request to a newspaper without a network.
func ask(method, target string, body io.Reader, fields ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "https://www.gazette.example"+target, body)
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	recorder := httptest.NewRecorder()
	Newspaper("paper").ServeHTTP(recorder, request)
	return recorder
}

func TestEveryPathIsServedAndCacheable(t *testing.T) {
	require.Greater(t, len(Paths()), 20)
	for _, path := range Paths() {
		answer := ask(http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, answer.Code, path)
		require.Equal(t, "paper", answer.Header().Get("X-Served-By"), path)
		require.NotEmpty(t, answer.Header().Get("ETag"), path)
		require.NotEmpty(t, answer.Header().Get("Last-Modified"), path)
		require.Equal(t, fmt.Sprint(answer.Body.Len()), answer.Header().Get("Content-Length"), path)
		require.NotEmpty(t, answer.Header().Get("Content-Type"), path)
		want := pageCacheControl
		if strings.HasPrefix(path, "/assets/") {
			want = assetCacheControl
		}
		require.Equal(t, want, answer.Header().Get("Cache-Control"), path)
	}
}

func TestEveryHTMLPageCarriesTheMarkerInItsTitleAndIsWhole(t *testing.T) {
	for _, path := range append(Paths(), "/search?q=ferry", "/login", "/early", "/no/such/page", "/nosuch") {
		answer := ask(http.MethodGet, path, nil)
		if !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
			continue
		}
		page := answer.Body.String()
		title, _, _ := strings.Cut(page, "</title>")
		require.Contains(t, title, Marker, path)
		require.True(t, strings.HasSuffix(strings.TrimSpace(page), "</html>"), path)
	}
}

func TestEveryLinkOfThePublicationLeadsSomewhere(t *testing.T) {
	followed := map[string]bool{}
	for _, path := range Paths() {
		page := ask(http.MethodGet, path, nil).Body.String()
		for _, attribute := range []string{` href="`, ` src="`} {
			for _, after := range strings.Split(page, attribute)[1:] {
				link, _, _ := strings.Cut(after, `"`)
				target, err := url.Parse(link)
				require.NoError(t, err)
				elsewhere := target.Host != "" && target.Host != "www.gazette.example"
				if elsewhere || followed[target.RequestURI()] {
					continue
				}
				followed[target.RequestURI()] = true
				require.Equal(t, http.StatusOK, ask(http.MethodGet, target.RequestURI(), nil).Code, "%s links to %s", path, link)
			}
		}
	}
	require.Greater(t, len(followed), len(sections())+13)
}

func TestPagesNameTheHostTheyWereAskedFor(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Host = "gazette.example.net:8443"
	recorder := httptest.NewRecorder()
	Newspaper("paper").ServeHTTP(recorder, request)
	require.Contains(t, recorder.Body.String(), `<link rel="canonical" href="http://gazette.example.net:8443/">`)
	require.NotContains(t, recorder.Body.String(), "www.gazette.example")
}

func TestUnknownPathsAreMissing(t *testing.T) {
	for _, path := range []string{"/nosuch", "/news/nosuch", "/assets/nosuch.svg", "/a/b/c"} {
		answer := ask(http.MethodGet, path, nil)
		require.Equal(t, http.StatusNotFound, answer.Code, path)
		require.Equal(t, errorCacheControl, answer.Header().Get("Cache-Control"), path)
	}
	require.Equal(t, http.StatusMethodNotAllowed, ask(http.MethodDelete, "/news", nil).Code)
}

func TestRFC9110Preconditions(t *testing.T) {
	first := ask(http.MethodGet, "/news", nil)
	tag, modified := first.Header().Get("ETag"), first.Header().Get("Last-Modified")
	for _, test := range []struct {
		name, field, value string
		status             int
	}{
		{"§13.1.2 If-None-Match with the tag", "If-None-Match", tag, http.StatusNotModified},
		{"§13.1.2 If-None-Match with another", "If-None-Match", `"else"`, http.StatusOK},
		{"§13.1.2 If-None-Match of the other coding", "If-None-Match", strings.TrimSuffix(tag, `"`) + `-gzip"`, http.StatusOK},
		{"§13.1.3 If-Modified-Since with the date", "If-Modified-Since", modified, http.StatusNotModified},
		{"§13.1.3 If-Modified-Since before it", "If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT", http.StatusOK},
		{"§13.1.1 If-Match with another", "If-Match", `"else"`, http.StatusPreconditionFailed},
		{"§14.2 Range", "Range", "bytes=0-99", http.StatusPartialContent},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := ask(http.MethodGet, "/news", nil, test.field, test.value)
			require.Equal(t, test.status, answer.Code)
			if test.status == http.StatusNotModified {
				require.Zero(t, answer.Body.Len())
				require.Equal(t, tag, answer.Header().Get("ETag"))
				require.Equal(t, pageCacheControl, answer.Header().Get("Cache-Control"))
			}
		})
	}
}

func TestReadersThatTakeGzipGetIt(t *testing.T) {
	plain := ask(http.MethodGet, "/", nil)
	zipped := ask(http.MethodGet, "/", nil, "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", plain.Header().Get("Vary"))
	require.NotEqual(t, plain.Header().Get("ETag"), zipped.Header().Get("ETag"))
	require.Equal(t, fmt.Sprint(zipped.Body.Len()), zipped.Header().Get("Content-Length"))
	unzipped, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	page, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	require.Equal(t, plain.Body.String(), string(page))
	again := ask(http.MethodGet, "/", nil, "Accept-Encoding", "gzip", "If-None-Match", zipped.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.Code)
}

func TestFeedIsAtomWithEveryStory(t *testing.T) {
	answer := ask(http.MethodGet, "/feed.xml", nil)
	var feed atomFeed
	require.NoError(t, xml.Unmarshal(answer.Body.Bytes(), &feed))
	require.Equal(t, Marker, feed.Title)
	require.Len(t, feed.Entries, 14)
	for i, entry := range feed.Entries {
		require.True(t, strings.HasPrefix(entry.Link.Href, "https://www.gazette.example/"))
		require.False(t, i > 0 && entry.Updated.After(feed.Entries[i-1].Updated), "the newest is not first")
	}
}

func TestLatestIsJSONWithAbsoluteAddresses(t *testing.T) {
	var latest struct{ Stories []latestStory }
	require.NoError(t, json.Unmarshal(ask(http.MethodGet, "/api/latest.json", nil).Body.Bytes(), &latest))
	require.Len(t, latest.Stories, 14)
	require.True(t, strings.HasPrefix(latest.Stories[0].Image, "https://www.gazette.example/assets/"))
}

func TestSearchFindsAndIsNotStored(t *testing.T) {
	answer := ask(http.MethodGet, "/search?q=Kettle", nil)
	require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	require.Contains(t, answer.Body.String(), "/news/night-ferry-returns")
	require.NotContains(t, answer.Body.String(), "/news/school-bell")
	require.NotContains(t, ask(http.MethodGet, "/search?q=<script>alert(1)</script>", nil).Body.String(), "<script>alert")
}

func TestLoginSetsACookieForTheHostAndLeadsHome(t *testing.T) {
	form := strings.NewReader("name=Maren")
	answer := ask(http.MethodPost, "/login", form, "Content-Type", "application/x-www-form-urlencoded").Result()
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Equal(t, "https://www.gazette.example/", answer.Header.Get("Location"))
	require.Len(t, answer.Cookies(), 1)
	cookie := answer.Cookies()[0]
	require.Equal(t, "Maren", cookie.Value)
	require.Equal(t, "www.gazette.example", cookie.Domain)
	require.True(t, cookie.Secure)
	require.Equal(t, http.StatusBadRequest, ask(http.MethodPost, "/login", nil).Code)
}

func TestUploadCountsItsBytes(t *testing.T) {
	sent := bytes.Repeat([]byte("salt"), 25_000)
	digest := sha256.Sum256(sent)
	answer := ask(http.MethodPost, "/upload", bytes.NewReader(sent))
	require.JSONEq(t, fmt.Sprintf(`{"bytes": 100000, "sha256": %q}`, hex.EncodeToString(digest[:])), answer.Body.String())
}

func TestBigSendsWhatIsAskedFor(t *testing.T) {
	for _, size := range []int{0, 1, 67, 68, 69, 100_000} {
		body := ask(http.MethodGet, fmt.Sprintf("/big?bytes=%d", size), nil).Body.String()
		require.Equal(t, strings.Repeat(line, size/len(line)+1)[:size], body)
	}
	require.Equal(t, bigDefault, ask(http.MethodGet, "/big", nil).Body.Len())
	for _, wrong := range []string{"-1", "x", "99999999999999"} {
		require.Equal(t, http.StatusBadRequest, ask(http.MethodGet, "/big?bytes="+wrong, nil).Code)
	}
	part := ask(http.MethodGet, "/big?bytes=1000", nil, "Range", "bytes=100-199")
	require.Equal(t, http.StatusPartialContent, part.Code)
	require.Equal(t, strings.Repeat(line, 3)[100:200], part.Body.String())
}

func TestTrailersFollowTheBody(t *testing.T) {
	l, origin := primary(t, Options{})
	answer, body, err := fetch(t, l.Client(), origin.URL()+"/trailers")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(body))
	require.Equal(t, hex.EncodeToString(digest[:]), answer.Trailer.Get("X-Content-Sha256"))
}

func TestEarlyHintsComeBeforeThePage(t *testing.T) {
	l, origin := primary(t, Options{})
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(status, " ", header.Get("Link")))
		return nil
	}}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, origin.URL()+"/early", nil)
	require.NoError(t, err)
	answer, err := l.Client().Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, []string{"103 </assets/gazette.css>; rel=preload; as=style"}, hints)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, string(body), Marker)
}

func TestEventsArriveOneByOneAndGoOnAfterTheLastSeen(t *testing.T) {
	l, origin := primary(t, Options{})
	for _, test := range []struct{ last, first string }{{"", "id: 1"}, {"1", "id: 2"}, {"junk", "id: 1"}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin.URL()+"/events", nil)
		require.NoError(t, err)
		request.Header.Set("Last-Event-ID", test.last)
		answer, err := l.Client().Do(request)
		require.NoError(t, err)
		require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
		events := bufio.NewScanner(answer.Body)
		require.True(t, events.Scan())
		require.Equal(t, test.first, events.Text())
		require.True(t, events.Scan())
		require.Equal(t, "event: headline", events.Text())
		require.NoError(t, answer.Body.Close())
	}
}

func TestEventsTellTheTideEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stay = 5*time.Second + 500*time.Millisecond
		ctx, leave := context.WithTimeout(t.Context(), stay)
		defer leave()
		recorder := httptest.NewRecorder()
		began := time.Now()
		Newspaper("paper").ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil))
		require.Equal(t, stay, time.Since(began))
		require.Equal(t, 3, strings.Count(recorder.Body.String(), "event: headline\n"))
		require.Equal(t, 5, strings.Count(recorder.Body.String(), "event: tide\n"))
	})
}
