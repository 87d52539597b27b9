package lab

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Reader is a steady stream of synthetic visitors: they open pages and what
// belongs to them, look whether it is the newspaper and whole, and keep count.
// Set the fields before Run; none is changed.
type Reader struct {
	// Name says whose tally it is where several are shown. May be empty.
	Name string
	// Base is the URL of the edge, such as http://127.0.0.1:8080.
	Base string
	// Host is the front to ask for. Empty means the host of Base.
	Host string
	// Paths are visited in turn. A path without an extension is an HTML page,
	// everything else is not. Empty means a tour of the newspaper.
	Paths []string
	// Marker is the text that every HTML page must carry. Empty means [Marker].
	Marker string
	// Interval is the pause of one visitor between two requests. Zero means 200 ms.
	Interval time.Duration
	// Concurrency is the number of visitors. Zero means 1.
	Concurrency int
	// Bust is how often a page gets a query string nobody has asked for before,
	// so that no cache can answer: every Bust-th page. Zero means 4, negative never.
	Bust int
	// Timeout bounds one request with its body. Zero means 10 s.
	Timeout time.Duration
	// Client sends the requests, but follows no redirects. Nil means one of the
	// Reader's own, without a proxy.
	Client *http.Client

	visits  atomic.Int64 // requests begun, for the tour
	opened  atomic.Int64 // pages begun, for Bust
	journal journal

	// asking is held for reading while a request is under way.
	asking   sync.RWMutex
	revisits bool // guarded by asking
}

// Run visits until ctx ends and then returns, when no request is under way any
// more. Requests that the end of ctx cuts short are not counted. It may run
// again; the tally goes on. It fails at once if Base is no URL to ask.
func (r *Reader) Run(ctx context.Context) error {
	if _, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Base+"/", nil); err != nil {
		return fmt.Errorf("the reader cannot start, its base is no URL: %w", err)
	}
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: max(r.Concurrency, 1)}}
	if r.Client != nil {
		client = *r.Client
	} else {
		defer client.CloseIdleConnections()
	}
	// A redirect is an answer that is not the page; where it leads is not asked.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.journal.begin(time.Now())
	var visitors sync.WaitGroup
	for range max(r.Concurrency, 1) {
		visitors.Go(func() { r.visit(ctx, &client) })
	}
	visitors.Wait()
	return nil
}

// Tally is what the visitors got so far. It may be called at any time.
func (r *Reader) Tally() Tally {
	tally := r.journal.tally()
	tally.Name = r.Name
	return tally
}

// TallySince is what the visitors got after an earlier tally of this reader:
// counts and latencies, without events. P50 and P99 are of the last 16384
// requests at most, and Max is of the same.
func (r *Reader) TallySince(earlier Tally) Tally {
	tally := r.journal.tallySince(earlier)
	tally.Name = r.Name
	return tally
}

// Revisit makes the visitors ask only for what they have had before, and without
// a query of their own, as readers do who are offered what is stored; false ends
// it. When it returns, no request of the kind before is under way.
func (r *Reader) Revisit(on bool) {
	r.asking.Lock()
	defer r.asking.Unlock()
	r.revisits = on
}

// visit is one visitor.
func (r *Reader) visit(ctx context.Context, client *http.Client) {
	interval := orElse(r.Interval, 200*time.Millisecond)
	paths := r.Paths
	if len(paths) == 0 {
		paths = tour()
	}
	pause := time.NewTimer(interval)
	defer pause.Stop()
	for ctx.Err() == nil {
		r.ask(ctx, client, paths)
		pause.Reset(interval)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

// ask sends one request, and counts it unless ctx ended meanwhile.
func (r *Reader) ask(ctx context.Context, client *http.Client, paths []string) {
	r.asking.RLock()
	defer r.asking.RUnlock()
	target, ok := r.next(paths)
	if !ok {
		return
	}
	if outcome := r.get(ctx, client, target); ctx.Err() == nil {
		r.journal.add(outcome)
	}
}

// next is what to ask for. False means that only what was had before may be asked
// for, and there is nothing of it.
func (r *Reader) next(paths []string) (string, bool) {
	for range paths {
		target := paths[int(r.visits.Add(1)-1)%len(paths)]
		if !r.revisits {
			return r.bust(target), true
		}
		if r.journal.had(target) {
			return target, true
		}
	}
	return "", false
}

// tour visits as people do: front page, an article, what belongs to it, back to
// the front page.
func tour() []string {
	var pages, assets, tour []string
	for _, p := range Paths()[1:] {
		if isPage(p) {
			pages = append(pages, p)
		} else {
			assets = append(assets, p)
		}
	}
	for i, p := range pages {
		tour = append(tour, "/", p, assets[i%len(assets)])
	}
	return tour
}

// visitQuery is the query parameter that makes a page one nobody has asked for.
const visitQuery = "visit="

func isPage(target string) bool { return path.Ext(target) == "" }

func (r *Reader) bust(target string) string {
	every := orElse(r.Bust, 4)
	if !isPage(target) || every < 0 {
		return target
	}
	n := r.opened.Add(1)
	if n%int64(every) != 0 {
		return target
	}
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + visitQuery + strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(n, 36)
}

// get asks for one path and says what came.
func (r *Reader) get(ctx context.Context, client *http.Client, target string) outcome {
	ctx, cancel := context.WithTimeout(ctx, orElse(r.Timeout, 10*time.Second))
	defer cancel()
	began := time.Now()
	o := outcome{at: began, path: target, kind: kindFailed}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Base+target, nil)
	if err != nil {
		o.detail = err.Error()
		return o
	}
	request.Host = r.Host
	answer, err := client.Do(request)
	if err != nil {
		o.took, o.detail = time.Since(began), err.Error()
		return o
	}
	defer answer.Body.Close()
	// No page of the newspaper comes near the limit; an endless body must end here.
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	o.took = time.Since(began)
	if err != nil {
		o.detail = fmt.Sprintf("the body broke off after %d bytes: %v", len(body), err)
		return o
	}
	marker := r.Marker
	if marker == "" {
		marker = Marker
	}
	o.kind, o.detail = judge(target, answer.StatusCode, answer.Header.Get("Content-Type"), string(body), marker)
	o.cached = fromCache(answer.Header)
	o.servedBy = answer.Header.Get("X-Served-By")
	return o
}

// judge says whether an answer is the newspaper's and whole, and if not, why.
func judge(target string, status int, contentType, body, marker string) (kind, string) {
	if status != http.StatusOK {
		return kindFailed, fmt.Sprintf("the status is %d", status)
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	isHTML := mediaType == "text/html"
	switch {
	case isHTML != isPage(strings.SplitN(target, "?", 2)[0]):
		return kindForeign, fmt.Sprintf("the content type is %q", contentType)
	case isHTML && !strings.Contains(body, marker):
		return kindForeign, "the page does not carry the marker"
	case isHTML && !strings.HasSuffix(strings.TrimSpace(body), "</html>"):
		return kindFailed, fmt.Sprintf("the page stops after %d bytes, before </html>", len(body))
	}
	return kindGood, ""
}

// orElse is the value, or what its zero means.
func orElse[T comparable](value, zeroMeans T) T {
	var zero T
	if value == zero {
		return zeroMeans
	}
	return value
}
