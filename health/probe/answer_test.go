package probe

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

func TestJudgeStatus(t *testing.T) {
	hosts := []string{"gazette.example.ir", "gazette.example.net:8443"}
	tests := []struct {
		name     string
		status   int
		location string
		from     string
		want     health.Class
	}{
		{"a page", 200, "", "https://www.gazette.example/", health.OK},
		{"a page with a location", 201, "https://elsewhere.example/", "https://www.gazette.example/", health.OK},
		{"a path", 302, "/fa/", "https://www.gazette.example/", health.OK},
		{"the origin itself, spelt otherwise", 301, "https://WWW.Gazette.Example.:443/fa/", "https://www.gazette.example/", health.OK},
		{"from http to https", 301, "https://www.gazette.example/", "http://www.gazette.example/", health.OK},
		{"from https to http", 301, "http://www.gazette.example/", "https://www.gazette.example/", health.Redirected},
		{"a host of the publication", 307, "https://gazette.example.ir/", "https://www.gazette.example/", health.OK},
		{"without a scheme", 307, "//gazette.example.ir/", "https://www.gazette.example/", health.OK},
		{"a host of the publication, at its port", 308, "https://gazette.example.net:8443/", "https://www.gazette.example/", health.OK},
		{"a host of the publication, at another port", 308, "https://gazette.example.net/", "https://www.gazette.example/", health.Redirected},
		{"a subdomain that was not named", 302, "https://login.www.gazette.example/", "https://www.gazette.example/", health.Redirected},
		{"a name that only ends alike", 302, "https://notgazette.example.ir/", "https://www.gazette.example/", health.Redirected},
		{"a name before an at sign", 302, "https://gazette.example.ir@evil.example/", "https://www.gazette.example/", health.Redirected},
		{"another scheme", 302, "javascript:alert(1)", "https://www.gazette.example/", health.Redirected},
		{"off the site", 302, "http://warning.example/?id=7", "http://www.gazette.example/", health.Redirected},
		{"off the site, without a scheme", 302, "//warning.example/", "http://www.gazette.example/", health.Redirected},
		{"to itself", 302, "https://www.gazette.example/", "https://www.gazette.example/", health.StatusUnexpected},
		{"nowhere", 302, "", "https://www.gazette.example/", health.StatusUnexpected},
		{"no URL", 302, "https://[::1", "https://www.gazette.example/", health.StatusUnexpected},
		{"the client's fault", 403, "", "https://www.gazette.example/", health.StatusUnexpected},
		{"for legal reasons", 451, "", "https://www.gazette.example/", health.StatusUnexpected},
		{"the server's fault", 502, "", "https://www.gazette.example/", health.ServerError},
		{"a loop", 508, "", "https://www.gazette.example/", health.LoopDetected},
		{"no status of HTTP", 999, "", "https://www.gazette.example/", health.ServerError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			from, err := url.Parse(test.from)
			require.NoError(t, err)
			class, reason := judgeStatus(test.status, test.location, from, hosts)
			require.Equal(t, test.want, class)
			require.Equal(t, class == health.OK, reason == "")
		})
	}
}

func TestGzipIsBounded(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.CopyN(w, zeros{}, 4*maxPage)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	a, err := readAnswer(strings.NewReader(whole(200, "Content-Encoding: gzip\r\n", b.String())))
	require.NoError(t, err)
	content, err := a.page(unlimited)
	require.NoError(t, err)
	require.Len(t, content, maxPage)
}

func TestGzipThatIsLongerThanTheLimitIsNotTruncated(t *testing.T) {
	// Stored, not compressed: as long as what it holds.
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	require.NoError(t, err)
	// A header long enough that the raw limit is met before the decoded one.
	w.Comment = strings.Repeat("x", 400)
	_, err = io.CopyN(w, zeros{}, 2*maxPage)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	a, err := readAnswer(strings.NewReader(whole(200, "Content-Encoding: gzip\r\n", b.String())))
	require.NoError(t, err)
	content, err := a.page(unlimited)
	require.NoError(t, err)
	require.NotEmpty(t, content)
	require.Equal(t, int64(maxPage), a.received())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func unlimited() error { return nil }

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "\x15\x03\x03\x00\x02\x02\x28", "SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		whole(200, "", page), whole(200, "Content-Encoding: gzip\r\n", zipped(page)), whole(200, "Content-Encoding: br\r\n", page),
		whole(302, "Location: //evil.example/\r\n", ""), whole(302, "Location: %zz\r\n", ""),
		chunked(page, ""), chunked(page), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\n" + whole(200, "", page), "HTTP/1.1 000 \r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\nodd",
	} {
		f.Add([]byte(seed))
	}
	from := &url.URL{Scheme: "https", Host: name, Path: "/"}
	f.Fuzz(func(t *testing.T, sent []byte) {
		a, err := readAnswer(bytes.NewReader(sent))
		if err != nil {
			if c := health.Classify(err, health.StageRequest); c == health.OK || c == "" {
				t.Fatalf("the error %v has no class", err)
			}
			return
		}
		class, reason := judgeStatus(a.StatusCode, a.Header.Get("Location"), from, nil)
		if (class == health.OK) != (reason == "") {
			t.Fatalf("%q with the reason %q", class, reason)
		}
		content, err := a.page(unlimited)
		if len(content) > maxPage || a.received() > maxPage {
			t.Fatalf("%d bytes of %d were kept", len(content), a.received())
		}
		if err != nil && health.Classify(err, health.StageBody) == health.OK {
			t.Fatalf("the error %v counts as good", err)
		}
	})
}
