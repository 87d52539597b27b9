package probe

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
)

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
	target := Target{URL: from, EdgeID: "edge-1"}
	f.Fuzz(func(t *testing.T, sent []byte) {
		a, err := readAnswer(bytes.NewReader(sent))
		if err != nil {
			if c := health.Classify(err, health.StageRequest); c == health.OK || c == "" {
				t.Fatalf("the error %v has no class", err)
			}
			return
		}
		found := target.judgeHeader(a.Response, from)
		if (found.class == health.OK) != (found.reason == "") || found.next != nil && found.class != health.OK {
			t.Fatalf("%q with the reason %q and the way to %v", found.class, found.reason, found.next)
		}
		if found.next != nil && (found.next.Host != from.Host || found.next.Scheme != from.Scheme) {
			t.Fatalf("the way leads to %v", found.next)
		}
		if wait := retryAfter(a.Response, time.Now()); wait < 0 || wait > maxRetryAfter {
			t.Fatalf("%v is no time to wait", wait)
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
