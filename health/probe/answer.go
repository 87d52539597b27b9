package probe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/heliograph-edge/heliograph/health"
)

const (
	maxHeader = 64 << 10  // bytes of status line and header, interim answers included
	maxPage   = 512 << 10 // bytes of body, before and after decoding
	// maxInterim is how many 1xx answers may come before the answer.
	maxInterim = 8
)

var (
	errHeaderTooLarge = fmt.Errorf("the header exceeds %d bytes", maxHeader)
	errCoding         = errors.New("the body is in a content coding that was not asked for")
)

// answer is a response whose header has been read.
type answer struct {
	*http.Response
	raw counter
}

// readAnswer reads the final answer's header from r, within maxHeader.
func readAnswer(r io.Reader) (*answer, error) {
	limited := &io.LimitedReader{R: r, N: maxHeader}
	buffered := bufio.NewReader(limited)
	request := &http.Request{Method: http.MethodGet}
	for range maxInterim {
		response, err := http.ReadResponse(buffered, request)
		switch {
		case err != nil && limited.N <= 0:
			return nil, errHeaderTooLarge
		case err != nil:
			return nil, err
		case response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols:
			// The body has its own limit, in page.
			limited.N = math.MaxInt64
			return &answer{Response: response, raw: counter{from: response.Body}}, nil
		}
	}
	return nil, fmt.Errorf("malformed HTTP: more than %d interim answers", maxInterim)
}

// counter counts what is read and gives the connection new time before each read.
type counter struct {
	from  io.Reader
	limit func() error
	n     int64
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.limit(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// received is how much of the body has been read, before decoding.
func (a *answer) received() int64 { return a.raw.n }

// page reads the body, decoded, up to maxPage. Limit is called before every
// read; it is what makes silence, and not length, the measure of a stage's time.
func (a *answer) page(limit func() error) ([]byte, error) {
	a.raw.limit = limit
	raw := io.LimitReader(&a.raw, maxPage)
	switch coding := strings.ToLower(strings.TrimSpace(a.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return io.ReadAll(raw)
	case "gzip", "x-gzip":
		return gunzip(raw, &a.raw)
	default:
		return nil, fmt.Errorf("%w: %q", errCoding, coding)
	}
}

// gunzip decodes up to maxPage. That the raw bytes were cut at the limit is
// our doing and no truncation.
func gunzip(raw io.Reader, count *counter) ([]byte, error) {
	decoder, err := gzip.NewReader(raw)
	if err != nil {
		return nil, err
	}
	decoded, err := io.ReadAll(io.LimitReader(decoder, maxPage))
	if errors.Is(err, io.ErrUnexpectedEOF) && count.n >= maxPage {
		err = nil
	}
	return decoded, err
}

// judgeStatus is what the status of an answer says about the origin. A redirect
// on the site is as good as a page.
func judgeStatus(status int, location string, page *url.URL, hosts []string) (health.Class, string) {
	switch {
	case status >= 200 && status < 300:
		return health.OK, ""
	case status == http.StatusLoopDetected:
		return health.LoopDetected, "the answer is 508: the origin leads back to an edge"
	case status >= 500:
		return health.ServerError, fmt.Sprintf("the answer is %d %s", status, http.StatusText(status))
	case status >= 300 && status < 400 && location != "":
		return judgeRedirect(location, page, hosts)
	}
	return health.StatusUnexpected, fmt.Sprintf("the answer is %d %s", status, http.StatusText(status))
}

func judgeRedirect(location string, page *url.URL, hosts []string) (health.Class, string) {
	to, err := page.Parse(location)
	switch {
	case err != nil:
		return health.StatusUnexpected, fmt.Sprintf("a redirect to %q, which is no URL", location)
	case to.Scheme != page.Scheme && to.Scheme != "https":
		return health.Redirected, fmt.Sprintf("a redirect to %s, which is not under https", to)
	case !onSite(to, page, hosts):
		return health.Redirected, fmt.Sprintf("a redirect to %s, which is no host of the publication", to.Host)
	case to.String() == page.String():
		return health.StatusUnexpected, "a redirect to itself"
	}
	return health.OK, ""
}

func onSite(to, page *url.URL, hosts []string) bool {
	at := authority(to.Host)
	if at == authority(page.Host) {
		return true
	}
	for _, host := range hosts {
		if at == authority(host) {
			return true
		}
	}
	return false
}

// lacks finds the first of the texts that the page does not have.
func lacks(page []byte, texts []string) (string, bool) {
	for _, text := range texts {
		if !bytes.Contains(page, []byte(text)) {
			return text, true
		}
	}
	return "", false
}
