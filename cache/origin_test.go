package cache_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errDown is what an origin that is down gives.
var errDown = errors.New("connection refused")

// ask is one fetch as the origin sees it.
type ask struct {
	context.Context
	*cache.Request
	cache.Query
	n int // counts from one
}

// answering is how an origin answers.
type answering func(a ask) (*http.Response, error)

// edge is a cache with an origin behind it.
type edge struct {
	*cache.Cache
	store *memory.Store
	site  *cache.Site

	mu     sync.Mutex // guards everything that follows
	asked  []ask
	answer answering
	origin string // that answers; "" means the primary
	doubt  bool   // its answers are perhaps not the publication's
}

// newEdge returns an empty cache in front of an origin that answers so. It is
// closed with the test.
func newEdge(t testing.TB, answer answering) *edge {
	return newEdgeOf(t, 64<<20, 1<<20, answer)
}

// newEdgeOf is newEdge with a capacity and a largest page.
func newEdgeOf(t testing.TB, capacity, maxPage int64, answer answering) *edge {
	e := &edge{store: memory.New(capacity), answer: answer}
	e.site = &cache.Site{Fetch: e.fetch}
	e.Cache = cache.New(cache.Options{Store: e.store, MaxPage: maxPage})
	t.Cleanup(e.Close)
	return e
}

// fetch implements cache.Fetch.
func (e *edge) fetch(ctx context.Context, r *cache.Request, query cache.Query) (*cache.Fetched, error) {
	requested := time.Now()
	e.mu.Lock()
	a := ask{Context: ctx, Request: r, Query: query, n: len(e.asked) + 1}
	e.asked = append(e.asked, a)
	answer, origin, doubt := e.answer, cmp.Or(e.origin, "primary"), e.doubt
	e.mu.Unlock()
	response, err := answer(a)
	if err != nil {
		return nil, err
	}
	return &cache.Fetched{
		Response: response, Origin: origin, Doubtful: doubt,
		Requested: requested, Responded: time.Now(), Attempts: 1,
	}, nil
}

// fetches is how often the origin was asked.
func (e *edge) fetches() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// last is the latest fetch.
func (e *edge) last() ask {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[len(e.asked)-1]
}

// answers changes how the origin answers from now on.
func (e *edge) answers(answer answering) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

// answersAs is answers, of another origin or with doubt.
func (e *edge) answersAs(origin string, doubt bool, answer answering) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.origin, e.doubt, e.answer = origin, doubt, answer
}

// request is a request for the front page with these header lines.
func (e *edge) request(method string, lines ...string) *cache.Request {
	r, err := http.NewRequest(method, "/", nil)
	if err != nil {
		panic(err) // only for a method that is none
	}
	r.Header = fields(lines...)
	return &cache.Request{Key: "gazette /", HTTP: r, Site: e.site}
}

// get asks for the front page, and fails the test when there is no answer.
func (e *edge) get(t testing.TB, lines ...string) cache.Answer {
	return e.ask(t, e.request(http.MethodGet, lines...))
}

// ask asks, and fails the test when there is no answer.
func (e *edge) ask(t testing.TB, r *cache.Request) cache.Answer {
	t.Helper()
	a, err := e.Answer(t.Context(), r)
	require.NoError(t, err)
	return a
}

// read asks for the front page and reads the answer.
func (e *edge) read(t testing.TB, lines ...string) (cache.Answer, string) {
	t.Helper()
	a := e.get(t, lines...)
	body, err := readAll(t.Context(), &a)
	require.NoError(t, err)
	return a, body
}

// readAll reads an answer's body to its end, as whoever sends it would.
func readAll(ctx context.Context, a *cache.Answer) (string, error) {
	var read strings.Builder
	switch {
	case a.Response != nil:
		defer a.Response.Body.Close()
		_, err := io.Copy(&read, a.Response.Body)
		return read.String(), err
	case a.Cursor != nil:
		defer a.Cursor.Close()
		for {
			chunk, err := a.Cursor.Next(ctx)
			if err == io.EOF {
				return read.String(), nil
			}
			if err != nil {
				return read.String(), err
			}
			read.Write(chunk)
		}
	case a.Rendition.Body == nil:
		return "", nil
	}
	chunks, ok := a.Rendition.Body.Whole()
	if !ok {
		return "", errors.New("neither whole nor followed")
	}
	for _, chunk := range chunks {
		read.Write(chunk)
	}
	return read.String()[a.Rendition.From:][:a.Rendition.Length], nil
}

// field is a field of the answer's rendition, "" without it.
func field(a cache.Answer, name string) string {
	var values []string
	for n, value := range a.Rendition.Fields() {
		if n == name {
			values = append(values, value)
		}
	}
	return strings.Join(values, ", ")
}

// reply is an answer with a body of declared length.
func reply(status int, body string, lines ...string) *http.Response {
	response := replyOf(status, int64(len(body)), lines...)
	response.Body = io.NopCloser(strings.NewReader(body))
	return response
}

// replyOf is an answer whose body has this length, -1 when it is not declared.
func replyOf(status int, length int64, lines ...string) *http.Response {
	response := &http.Response{StatusCode: status, Header: fields(lines...), ContentLength: length}
	if length >= 0 && status != http.StatusNotModified {
		response.Header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return response
}

// always answers every fetch with the same.
func always(status int, body string, lines ...string) answering {
	return func(ask) (*http.Response, error) { return reply(status, body, lines...), nil }
}

// down is an origin that does not answer.
func down(ask) (*http.Response, error) { return nil, errDown }

// errCut is the error of a fetch that reached no origin.
type errCut struct{}

func (errCut) Error() string   { return "the name does not resolve" }
func (errCut) Unreached() bool { return true }

// cut is an origin that cannot be reached.
func cut(ask) (*http.Response, error) { return nil, errCut{} }

// stream is a body that arrives when the test sends it. Like that of a transport
// it ends with the context of its fetch.
type stream struct {
	*io.PipeReader
	to     *io.PipeWriter
	closed atomic.Bool
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.closed.Store(true)
	return s.PipeReader.Close()
}

// send sends a piece of the body and waits until it was taken.
func (s *stream) send(t testing.TB, piece string) {
	t.Helper()
	_, err := io.WriteString(s.to, piece)
	require.NoError(t, err)
}

// streaming answers with bodies that the test sends. length is declared; -1 when it is not.
func streaming(streams chan<- *stream, status int, length int64, lines ...string) answering {
	return func(a ask) (*http.Response, error) {
		s := new(stream)
		s.PipeReader, s.to = io.Pipe()
		context.AfterFunc(a.Context, func() { s.to.CloseWithError(context.Cause(a.Context)) })
		streams <- s
		response := replyOf(status, length, lines...)
		response.Body = s
		return response, nil
	}
}
