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
	"strings"
	"time"
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
			return &answer{Response: response, raw: counter{from: response.Body, most: maxPage}}, nil
		}
	}
	return nil, fmt.Errorf("malformed HTTP: more than %d interim answers", maxInterim)
}

// counter counts what is read and at what pace, and gives the connection new time before each read.
type counter struct {
	from  io.Reader
	most  int64 // to be read, before decoding and after
	limit func() error
	n     int64
	pace  pace
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	if err := c.limit(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(p)
	c.n += int64(n)
	if c.pace.add(n, time.Now()) && err == nil {
		err = errThrottled
	}
	return n, err
}

// received is how much of the body has been read, before decoding.
func (a *answer) received() int64 { return a.raw.n }

// page reads the body, decoded, up to the most that is wanted. Limit is called before every
// read; it is what makes silence, and not length, the measure of a stage's time.
// What came before an error is there beside it.
func (a *answer) page(limit func() error) ([]byte, error) {
	a.raw.limit = limit
	a.raw.pace.begin(time.Now())
	most := a.raw.most
	raw := io.LimitReader(&a.raw, most)
	switch coding := strings.ToLower(strings.TrimSpace(a.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return io.ReadAll(raw)
	case "gzip", "x-gzip":
		return gunzip(raw, &a.raw)
	default:
		return nil, fmt.Errorf("%w: %q", errCoding, coding)
	}
}

// gunzip decodes up to the most that is wanted. That the raw bytes were cut at the limit is
// our doing and no truncation.
func gunzip(raw io.Reader, count *counter) ([]byte, error) {
	decoder, err := gzip.NewReader(raw)
	if err != nil {
		return nil, err
	}
	decoded, err := io.ReadAll(io.LimitReader(decoder, count.most))
	if errors.Is(err, io.ErrUnexpectedEOF) && count.n >= count.most {
		err = nil
	}
	return decoded, err
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
