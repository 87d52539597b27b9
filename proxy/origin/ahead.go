package origin

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// aheadLimit and aheadTime bound how much of an answer, and for how long, is
	// read before it counts as one: an origin that dies inside a small page is a
	// failed attempt, and a page that takes its time still flows at once.
	aheadLimit = 64 << 10
	aheadTime  = 25 * time.Millisecond
)

// readAhead reads the beginning of an answer's body, and puts it back. It returns what
// it read, as it came, whether that is all, and what broke the body off. Where it is
// patient, the first bytes of a body with a declared length are waited for, however long
// they take.
func readAhead(response *http.Response, patient bool) (raw []byte, whole bool, err error) {
	length := response.ContentLength
	if length == 0 || response.Body == http.NoBody || isEventStream(response.Header) {
		return nil, false, nil
	}
	var begun []byte
	if length > 0 && patient {
		begun = make([]byte, min(length, aheadLimit))
		n, err := response.Body.Read(begun)
		if err != nil && err != io.EOF {
			return nil, false, err
		}
		if n == len(begun) { // most pages: they came with their header
			response.Body = &joined{
				Reader: io.MultiReader(bytes.NewReader(begun), response.Body),
				Closer: response.Body,
			}
			return begun, int64(n) == length, nil
		}
		begun = begun[:n]
	}
	a := &ahead{source: response.Body, kept: begun, change: make(chan struct{}, 1)}
	// The goroutine ends with the limit or the body, and the body with the attempt.
	go a.fetch()
	response.Body = a
	return a.wait(aheadTime)
}

// isEventStream reports whether an answer is one that may be quiet for as long as it likes.
func isEventStream(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/event-stream")
}

// ahead is a body whose beginning is read before anybody asks for it. It has one
// reader.
type ahead struct {
	source io.ReadCloser
	change chan struct{} // capacity 1: kept or ended changed

	mu    sync.Mutex // guards everything that follows
	kept  []byte     // read and not yet handed on
	total int        // bytes read ahead
	ended bool       // nothing more is read ahead
	err   error      // that ended source; nil while it goes on
}

// fetch reads ahead until the limit or the end.
func (a *ahead) fetch() {
	piece := make([]byte, 8<<10)
	for {
		n, err := a.source.Read(piece)
		a.mu.Lock()
		a.kept = append(a.kept, piece[:n]...)
		a.total += n
		a.err = err
		a.ended = err != nil || a.total >= aheadLimit
		ended := a.ended
		a.mu.Unlock()
		select {
		case a.change <- struct{}{}:
		default:
		}
		if ended {
			return
		}
	}
}

// wait blocks until reading ahead has ended, for a time at most. It returns what is there by
// then, which nobody changes as long as it is not read, whether that is all, and what broke
// the body off.
func (a *ahead) wait(most time.Duration) (kept []byte, whole bool, err error) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for over := false; ; {
		a.mu.Lock()
		kept, whole, err = a.kept, a.err == io.EOF, a.err
		over = over || a.ended
		a.mu.Unlock()
		switch {
		case err != nil && err != io.EOF:
			return kept, false, err
		case over:
			return kept, whole, nil
		}
		select {
		case <-a.change:
		case <-timer.C:
			over = true
		}
	}
}

// Read implements io.Reader: what was read ahead, and then the source itself.
func (a *ahead) Read(p []byte) (int, error) {
	for {
		a.mu.Lock()
		if len(a.kept) > 0 {
			n := copy(p, a.kept)
			a.kept = a.kept[n:]
			a.mu.Unlock()
			return n, nil
		}
		ended, err := a.ended, a.err
		a.mu.Unlock()
		switch {
		case err != nil:
			return 0, err
		case ended:
			return a.source.Read(p)
		}
		<-a.change
	}
}

// Close implements io.Closer. It ends reading ahead, too.
func (a *ahead) Close() error { return a.source.Close() }
