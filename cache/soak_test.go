package cache_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
	"github.com/heliograph-edge/heliograph/cache/memory"
)

// soakFor is how long TestSoak goes on.
var soakFor = flag.Duration("soak", 2*time.Second, "how long the soak hammers one key, as a `DURATION`")

// haste is how much faster the soak's cache takes time to pass: its pages live for milliseconds.
const haste = 500

// soak is one key of a cache and all that happens to it.
type soak struct {
	*cache.Cache
	store pausing
	site  *cache.Site
	began time.Time

	version atomic.Int64 // of the page at its origin
	purged  atomic.Int64 // the version at the latest hard purge that is complete
	asked   atomic.Int64 // requests that the origin saw
	whole   atomic.Int64 // bodies that readers got whole, or a part of, and that were right
}

// newSoak returns a cache in front of an origin that is asked for one page.
func newSoak(t *testing.T) *soak {
	s := &soak{store: pausing{memory.New(1 << 20)}, began: time.Now()}
	s.version.Store(1)
	s.site = &cache.Site{Policy: cache.Policy{Stale: time.Hour}, Fetch: s.fetch}
	s.Cache = cache.New(cache.Options{Store: s.store, MaxPage: 256 << 10, Now: s.now})
	t.Cleanup(s.Close)
	return s
}

// now is the cache's time.
func (s *soak) now() time.Time { return s.began.Add(haste * time.Since(s.began)) }

// edition is the body of a version in a language: it says of itself what it is, and every byte of
// it depends on that.
func edition(version int64, language string) string {
	name := fmt.Sprintf("version %d in %s.\n", version, language)
	size := 100 + int(version*7919%5)*20_000
	return strings.Repeat(name, size/len(name)+1)
}

// tagged is the entity tag of an edition.
func tagged(version int64, language string) string { return fmt.Sprintf(`"%d-%s"`, version, language) }

// fetch implements cache.Fetch: an origin that answers in every way that there is.
func (s *soak) fetch(ctx context.Context, r *cache.Request, query cache.Query) (*cache.Fetched, error) {
	s.asked.Add(1)
	requested, chance := s.now(), rand.IntN(100)
	time.Sleep(time.Duration(rand.IntN(1500)) * time.Microsecond)
	if chance < 5 {
		return nil, errDown
	}
	version := s.version.Load()
	language := cmp.Or(r.HTTP.Header.Get("Accept-Language"), "en")
	text, tag := edition(version, language), tagged(version, language)
	lines := []string{
		"Etag: " + tag, "Vary: Accept-Language", "Cache-Tag: news, front", "Content-Type: text/html",
		"Cache-Control: " + []string{"max-age=1", "max-age=2, stale-while-revalidate=2", "max-age=0, stale-if-error=60", "no-cache", "max-age=5, must-revalidate"}[chance%5],
	}
	var response *http.Response
	switch held := query.Validators.ETag; {
	case chance < 10:
		response = reply(503, "later")
	case chance < 13:
		response = reply(200, text, append(lines[:4:4], "Cache-Control: private")...)
	case chance < 16:
		response = reply(200, text, append(lines[:4:4], "Cache-Control: no-store")...)
	case held != "" && held == tag:
		response = reply(304, "", lines...)
	default:
		response = part(r, query, text, tag, lines)
	}
	switch {
	case r.HTTP.Method == http.MethodHead:
		response.Body = http.NoBody
	case response.StatusCode != 200:
	case chance >= 95:
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(text[:len(text)/2]), broken{}))
	default:
		response.Body = &trickle{ReadCloser: response.Body, ctx: ctx}
	}
	return &cache.Fetched{Response: response, Origin: "primary", Requested: requested, Responded: s.now(), Attempts: 1}, nil
}

// part is the origin's answer to a request with one range, or the whole.
func part(r *cache.Request, query cache.Query, text, tag string, lines []string) *http.Response {
	span, condition := query.Range, query.IfRange.ETag
	if span == "" && !query.Whole {
		span, condition = r.HTTP.Header.Get("Range"), r.HTTP.Header.Get("If-Range")
	}
	var from, to int
	if n, _ := fmt.Sscanf(span, "bytes=%d-%d", &from, &to); n == 2 && from < len(text) && !strings.Contains(span, ",") && (condition == "" || condition == tag) {
		to = min(to, len(text)-1)
		return reply(206, text[from:to+1], append(lines, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(text)))...)
	}
	return reply(200, text, lines...)
}

// broken is a body that breaks off.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// trickle is a body that arrives in pieces, and ends with its fetch.
type trickle struct {
	io.ReadCloser
	ctx context.Context
}

// Read implements io.Reader.
func (b *trickle) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if rand.IntN(8) == 0 {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	}
	return b.ReadCloser.Read(p[:min(len(p), 8<<10)])
}

// visit is one reader's request of a random kind.
func (s *soak) visit() error {
	request, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	language := []string{"en", "fa", "ru"}[rand.IntN(3)]
	request.Header.Set("Accept-Language", language)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	slow := false
	switch kind := rand.IntN(12); kind {
	case 0, 1:
		time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
	case 2:
		slow = true
	case 3, 4:
		from := rand.IntN(90)
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+rand.IntN(50_000)))
	case 5:
		request.Method = http.MethodHead
	case 6:
		request.Header.Set("If-None-Match", tagged(s.version.Load(), language))
	case 7, 8:
		request.Header.Set("Accept-Encoding", "gzip")
	case 9:
		request.Header.Set("Cache-Control", "no-cache")
	}
	least := s.purged.Load()
	a, err := s.Answer(ctx, &cache.Request{Key: soakKey, HTTP: request, Site: s.site})
	if err != nil {
		return allowed(ctx, err)
	}
	status, field := a.Rendition.Status, func(name string) string { return field(a, name) }
	if a.Response != nil {
		status, field = a.Response.StatusCode, a.Response.Header.Get
	}
	span, coding := field("Content-Range"), field("Content-Encoding")
	body, err := drink(ctx, &a, slow)
	if err != nil || request.Method == http.MethodHead {
		return allowed(ctx, err) // what broke off is not taken for the whole
	}
	return s.judge(status, body, span, coding, language, least)
}

// soakKey is the one key.
const soakKey = "gazette /"

// allowed is what may end a reader's request: its own end, or an origin's failure.
func allowed(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, errDown) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// drink reads an answer to its end, perhaps with pauses.
func drink(ctx context.Context, a *cache.Answer, slow bool) (string, error) {
	var read strings.Builder
	if a.Cursor != nil && slow {
		defer a.Cursor.Close()
		for {
			chunk, err := a.Cursor.Next(ctx)
			if err == io.EOF {
				return read.String(), nil
			}
			if err != nil {
				return "", err
			}
			read.Write(chunk)
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
		}
	}
	return readAll(ctx, a)
}

// judge holds a body that a reader got to what the origin gave: an edition, or a part of one, in the
// reader's language, and no older than the purge that was complete when the reader asked.
func (s *soak) judge(status int, body, span, coding, language string, least int64) error {
	switch status {
	case http.StatusNotModified, http.StatusServiceUnavailable, http.StatusRequestedRangeNotSatisfiable:
		return nil
	case http.StatusOK, http.StatusPartialContent:
	default:
		return fmt.Errorf("status %d", status)
	}
	if coding == "gzip" {
		plain, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, plain); err != nil {
			return err
		}
		body = text.String()
	}
	version, err := s.versionOf(body)
	if err != nil {
		return err
	}
	want := edition(version, language)
	if span != "" {
		var from, to, size int
		if _, err := fmt.Sscanf(span, "bytes %d-%d/%d", &from, &to, &size); err != nil || size != len(want) {
			return fmt.Errorf("%s of version %d, which has %d bytes", span, version, len(want))
		}
		want = want[from : to+1]
	}
	switch {
	case body != want:
		return fmt.Errorf("a body of %d bytes, %.40q…, is not that of version %d in %s (%d bytes, %s)", len(body), body, version, language, len(want), span)
	case version < least:
		return fmt.Errorf("version %d came after the purge of all before %d was complete", version, least)
	}
	s.whole.Add(1)
	return nil
}

// versionOf finds in a body, or a part of one, what version it is of.
func (s *soak) versionOf(body string) (int64, error) {
	_, rest, found := strings.Cut(body, "version ")
	number, _, ended := strings.Cut(rest, " in ")
	if !found || !ended { // too short a part to tell: it is held to the latest
		return s.version.Load(), errShort
	}
	return strconv.ParseInt(number, 10, 64)
}

// errShort says of a part that it is too short to tell what it is of.
var errShort = errors.New("too short to tell")

// purge brings out a new version and lets go of the old ones, in one of the ways that there are.
func (s *soak) purge(ctx context.Context) error {
	next := s.version.Add(1)
	var err error
	switch rand.IntN(4) {
	case 0:
		s.Invalidate(soakKey)
	case 1:
		_, err = s.Purge(ctx, cache.Purge{Of: cache.Selection{Kind: cache.PurgeTag, Tag: "front"}, What: "front"})
	case 2:
		_, err = s.Purge(ctx, cache.Purge{Of: cache.Selection{Kind: cache.PurgeURL, Keys: []cache.Key{soakKey}}, What: "/"})
	default: // pages are stale then, and may stand in
		_, err = s.Purge(ctx, cache.Purge{Of: cache.Selection{Kind: cache.PurgeEverything}, What: "everything", Soft: true})
		return err
	}
	if err == nil {
		s.purged.Store(next)
	}
	return err
}

// TestSoak hammers one key: many kinds of readers, an origin that fails in every way, purges.
// TestMain looks for goroutines that are left.
func TestSoak(t *testing.T) {
	s := newSoak(t)
	ctx, cancel := context.WithTimeout(t.Context(), *soakFor)
	defer cancel()
	var work sync.WaitGroup
	var mu sync.Mutex // guards wrong
	var wrong error
	keep := func(do func() error) {
		work.Go(func() {
			for ctx.Err() == nil {
				if err := do(); err != nil && !errors.Is(err, errShort) {
					mu.Lock()
					wrong = err
					mu.Unlock()
					cancel()
				}
			}
		})
	}
	for range 24 {
		keep(s.visit)
	}
	keep(func() error { return s.purgeSoftly(ctx) })
	keep(func() error {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		if err := s.purge(ctx); ctx.Err() == nil {
			return err
		}
		return nil
	})
	keep(func() error {
		time.Sleep(time.Millisecond)
		if u := s.Usage(); u.Bytes > u.Capacity {
			return fmt.Errorf("%d bytes in a store of %d", u.Bytes, u.Capacity)
		}
		return nil
	})
	work.Wait()
	require.NoError(t, wrong)
	t.Logf("%d bodies were right, the origin was asked %d times, %d versions came out", s.whole.Load(), s.asked.Load(), s.version.Load())
	require.NotZero(t, s.whole.Load())
	s.Close()
	require.LessOrEqual(t, s.Usage().Bytes, s.Usage().Capacity)
	reserved := s.Usage().Bytes
	s.store.Sweep(context.Background(), func(p *cache.Page) bool { reserved -= p.Cost(); return true })
	require.Zero(t, reserved, "what was reserved is given back")
}
