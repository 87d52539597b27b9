package cache_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

// seed makes a run of the property tests what a run before was.
var seed = flag.Uint64("seed", 0, "play the property tests with this `SEED` alone; a test that fails tells its own")

// histories is how many random histories each property is held to.
const histories = 150

// eachSeed runs a property over random histories, and tells the seed of one that breaks it.
func eachSeed(t *testing.T, property func(t *testing.T, random *rand.Rand)) {
	from, n := uint64(time.Now().UnixNano()), uint64(histories)
	if *seed != 0 {
		from, n = *seed, 1
	}
	for s := from; s < from+n; s++ {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("again: go test ./cache -run '^%s$' -seed %d", t.Name(), s)
				}
			}()
			property(t, rand.New(rand.NewPCG(s, 0)))
		})
		if t.Failed() {
			return
		}
	}
}

// pick is one of the choices.
func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// origins answers at random, and remembers all that is needed to tell what a cache may do with it.
type origins struct {
	mu     sync.Mutex // guards what follows
	random *rand.Rand // its own: it answers while readers ask
	given  map[string]*answered
	failed time.Time // when the latest answer was a failure, late, or for one reader
	plain  bool      // a 304 says nothing new of who may have the page
}

// newOrigins returns some that answer as random has it.
func newOrigins(random *rand.Rand) *origins {
	return &origins{random: rand.New(rand.NewPCG(random.Uint64(), 0)), given: make(map[string]*answered)}
}

// answered is one full answer of the origin's, with what 304s have made of it.
type answered struct {
	status               int
	header, request      http.Header
	requested, responded time.Time
	reader               string
}

// control is a random Cache-Control, legal or nearly so.
func control(random *rand.Rand) string {
	var members []string
	for range random.IntN(4) {
		seconds := strconv.Itoa(pick(random, 0, 1, 30, 60, 600, 3600, 1<<31, 1<<40))
		members = append(members, pick(random,
			"max-age="+seconds, "max-age="+seconds, "s-maxage="+seconds, "MAX-AGE="+seconds, `max-age="`+seconds+`"`, "max-age=x", "max-age=-1",
			"public", "private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate", "immutable", "foo=bar", `foo="no-store, private"`,
			"stale-while-revalidate="+seconds, "stale-if-error="+seconds, "no-transform", "", `no-cache="x-mood"`,
		))
	}
	return strings.Join(members, ", ")
}

// around is a date up to two hours from now, in one of the three forms or broken.
func around(random *rand.Rand) string {
	at := time.Now().Add(time.Duration(random.IntN(14400)-7200) * time.Second).UTC()
	return pick(random,
		at.Format(http.TimeFormat), at.Format(http.TimeFormat), at.Format(http.TimeFormat), at.Format("Monday, 02-Jan-06 15:04:05 GMT"), at.Format(time.ANSIC),
		at.Format(time.RFC3339), "0", "", "soon",
	)
}

// freshness are random fields that tell of an answer's age and lifetime.
func freshness(random *rand.Rand) http.Header {
	h := http.Header{}
	for range random.IntN(3) {
		h.Add("Cache-Control", control(random))
	}
	if random.IntN(3) == 0 {
		h.Set("Expires", around(random))
	}
	if random.IntN(3) == 0 {
		h.Set("Date", around(random))
	}
	for range random.IntN(8) / 6 {
		h.Add("Age", pick(random, "0", "10", "59", "600", "7200", "9999999999999", "abc", "-5", "1, 7200", ""))
	}
	if random.IntN(3) == 0 {
		h.Set("Last-Modified", time.Now().Add(-time.Duration(random.IntN(1e6))*time.Second).UTC().Format(http.TimeFormat))
	}
	return h
}

// answer is the origin's answer to one fetch.
func (o *origins) answer(a ask) (*http.Response, error) {
	o.mu.Lock()
	requested, delay := time.Now(), time.Duration(o.random.IntN(3)*o.random.IntN(20))*time.Second
	if delay >= time.Second { // a reader does not wait for it where an error would be answered by a page
		o.failed = requested
	}
	o.mu.Unlock()
	time.Sleep(delay)
	o.mu.Lock()
	defer o.mu.Unlock()
	h := freshness(o.random)
	tag := fmt.Sprintf(`"%d"`, len(o.given)+1)
	if v := a.Query.Validators; v.ETag != "" && o.given[v.ETag] != nil && o.random.IntN(2) == 0 {
		held := o.given[v.ETag]
		if o.plain {
			delete(h, "Cache-Control")
		}
		for name, values := range h { // RFC 9111 §3.2
			held.header[name] = values
		}
		for _, name := range []string{"Age", "Date"} { // those of the message that came last
			if _, ok := h[name]; !ok {
				delete(held.header, name)
			}
		}
		// It is an answer to this request now (§4.3.4).
		held.requested, held.responded, held.request = requested, time.Now(), a.HTTP.Header
		h.Set("Etag", v.ETag)
		return &http.Response{StatusCode: 304, Header: h.Clone(), Body: http.NoBody}, nil
	}
	h.Set("Etag", tag)
	if o.random.IntN(8) == 0 {
		h.Set("Set-Cookie", "for="+a.HTTP.Header.Get("X-Reader"))
	}
	status := pick(o.random, 200, 200, 200, 200, 203, 204, 299, 301, 302, 307, 308, 400, 403, 404, 410, 451, 500, 501, 503, 599)
	o.given[tag] = &answered{
		status: status, header: h.Clone(), request: a.HTTP.Header, requested: requested, responded: time.Now(), reader: a.HTTP.Header.Get("X-Reader"),
	}
	if status >= 500 || o.given[tag].forbidsSharing() != "" { // no answer for those who wait behind a refresh
		o.failed = time.Now()
	}
	response := reply(status, tag)
	maps.Copy(response.Header, h)
	return response, nil
}

// known is a copy of what was answered until now, and when that failed last.
func (o *origins) known() (answers map[string]*answered, failed time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	answers = make(map[string]*answered)
	for tag, a := range o.given {
		held := *a
		held.header = a.header.Clone()
		answers[tag] = &held
	}
	return answers, o.failed
}

// question is a random request.
func question(e *edge, random *rand.Rand) *cache.Request {
	r := e.request(http.MethodGet, "X-Reader: "+strconv.Itoa(random.IntN(1e6)))
	if random.IntN(4) == 0 {
		r.HTTP.Header.Set("Authorization", "Basic bmV3czpwYXBlcg==")
	}
	if random.IntN(4) == 0 {
		seconds := strconv.Itoa(pick(random, 0, 10, 60, 600))
		r.HTTP.Header.Set("Cache-Control", pick(random, "max-age="+seconds, "max-stale="+seconds, "no-cache", "no-store"))
	}
	return r
}

// tagOf is the entity tag of an answer; it names the origin's answer that it was made of.
func tagOf(a *cache.Answer) string {
	if a.Response != nil {
		return a.Response.Header.Get("Etag")
	}
	return field(*a, "Etag")
}

func TestACachedAnswerIsNeverFresherThanItsOrigins(t *testing.T) {
	eachSeed(t, func(t *testing.T, random *rand.Rand) {
		o := newOrigins(random)
		e := newEdge(t, o.answer)
		defer e.Close()
		for range 12 {
			r := question(e, random)
			before := e.fetches()
			known, failed := o.known()
			a, err := e.Answer(t.Context(), r)
			require.NoError(t, err)
			now := time.Now()
			_, err = readAll(t.Context(), &a)
			require.NoError(t, err)
			if a.Status.Hit {
				given := known[tagOf(&a)] // as it was: a refresh may have come back already
				require.NotNil(t, given, "an answer out of nowhere")
				why := given.forbidsReuse(r.HTTP.Header, failed, now)
				require.Empty(t, why, "%s\nof %v\nto %v", a.Status.Append(nil, "edge"), given.header, r.HTTP.Header)
				require.GreaterOrEqual(t, a.Age, given.naiveAge(now), "it is older than it says: %v", given.header)
			} else if !a.Status.Collapsed { // with a refresh that was under way
				require.Greater(t, e.fetches(), before, "neither a hit nor asked for")
			}
			synctest.Wait() // a refresh behind the reader's back ends, or sleeps
			time.Sleep(time.Duration(random.IntN(120)) * time.Second * time.Duration(random.IntN(2)))
		}
	})
}

func TestNothingForOneReaderIsServedToAnother(t *testing.T) {
	eachSeed(t, func(t *testing.T, random *rand.Rand) {
		o := newOrigins(random)
		o.plain = true
		e := newEdge(t, o.answer)
		defer e.Close()
		var readers sync.WaitGroup
		var mu sync.Mutex
		var wrong error
		for range 16 {
			r, pause := question(e, random), time.Duration(random.IntN(30))*time.Second
			readers.Go(func() {
				time.Sleep(pause)
				a, err := e.Answer(t.Context(), r)
				if err == nil {
					_, err = readAll(t.Context(), &a)
				}
				o.mu.Lock()
				given := o.given[tagOf(&a)]
				switch {
				case err != nil:
				case given == nil:
					err = errors.New("an answer out of nowhere")
				case given.reader != r.HTTP.Header.Get("X-Reader") && given.forbidsSharing() != "" && a.Result != cache.Revalidated:
					err = fmt.Errorf("%s reached another reader: %v to %v", given.forbidsSharing(), given.header, r.HTTP.Header)
				}
				o.mu.Unlock()
				mu.Lock()
				defer mu.Unlock()
				wrong = errors.Join(wrong, err)
			})
		}
		readers.Wait()
		require.NoError(t, wrong)
	})
}

// fieldsOf are an answer's fields but for those of this one use of it, by name.
func fieldsOf(a *cache.Answer) http.Header {
	h := http.Header{}
	for name, value := range a.Rendition.Fields() {
		h[name] = append(h[name], value)
	}
	for _, name := range []string{"Age", "Cache-Status", "Proxy-Status", "Via"} {
		delete(h, name)
	}
	return h
}

// randomFields are end-to-end fields on any number of lines.
func randomFields(random *rand.Rand) http.Header {
	h := http.Header{"Cache-Control": {"max-age=3600"}}
	names := []string{"Content-Type", "X-A", "X-B", "Link", "Etag", "Content-Language", "Vary", "Server", "Expires", "Last-Modified", "Set-Cookie", "Content-Digest"}
	for range random.IntN(12) {
		name := names[random.IntN(len(names))]
		switch name {
		case "Vary":
			h[name] = []string{pick(random, "X-Q", "Accept-Encoding", "X-Q, Accept-Encoding")}
		case "Etag":
			h[name] = []string{pick(random, `"a"`, `W/"a"`, "a")}
		case "Content-Type":
			h[name] = []string{pick(random, "text/html", "image/png", "application/json", "font/woff2")}
		default:
			h[name] = append(h[name], pick(random, "a", "a, b", `"q,uoted"`, "ü", "", "  inner  space", strings.Repeat("long ", 200)))
		}
	}
	return h
}

func TestWhatIsStoredIsWhatWasFetched(t *testing.T) {
	eachSeed(t, func(t *testing.T, random *rand.Rand) {
		body := make([]byte, random.IntN(2)*random.IntN(40000))
		for i := range body {
			body[i] = byte('a' + random.IntN(3))
		}
		fields, status := randomFields(random), pick(random, 200, 200, 203, 404, 301, 599)
		e := newEdge(t, func(ask) (*http.Response, error) {
			length := pick(random, int64(len(body)), -1)
			response := replyOf(status, length)
			maps.Copy(response.Header, fields)
			response.Body = io.NopCloser(&dribble{Reader: *bytes.NewReader(body), piece: 1 + random.IntN(5000)})
			return response, nil
		})
		defer e.Close()
		accepts := "Accept-Encoding: " + pick(random, "identity", "")
		first := e.get(t, accepts)
		require.Nil(t, first.Response, "stored: %v", fields)
		said := fieldsOf(&first)
		text, err := readAll(t.Context(), &first)
		require.NoError(t, err)
		require.Equal(t, string(body), text)
		synctest.Wait()
		second := e.get(t, accepts)
		require.True(t, second.Status.Hit)
		text, err = readAll(t.Context(), &second)
		require.NoError(t, err)
		require.Equal(t, string(body), text)
		require.Equal(t, first.Rendition.Status, second.Rendition.Status)
		again := fieldsOf(&second)
		delete(said, "Content-Length") // known at the end, where it was not declared
		delete(again, "Content-Length")
		require.Equal(t, said, again)
		for name, values := range fields {
			if name == "Vary" { // to which what the edge varies by is added
				require.True(t, strings.HasPrefix(again[name][0], values[0]), again[name])
				continue
			}
			require.Equal(t, values, again[name], "%s is the origin's", name)
		}
	})
}

// dribble reads a body in pieces.
type dribble struct {
	bytes.Reader
	piece int
}

// Read implements io.Reader.
func (d *dribble) Read(p []byte) (int, error) { return d.Reader.Read(p[:min(len(p), d.piece)]) }
