package origin

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/heliograph-edge/heliograph/health/gate"
)

const (
	// aheadLimit and aheadTime bound how much of an answer, and for how long, is
	// read before it counts as one, where it need not be judged: an origin that dies
	// inside a small file is a failed attempt, and a large one flows at once.
	aheadLimit = 64 << 10
	aheadTime  = 25 * time.Millisecond
)

// errEnough ends the unpacking of a body that need not be read ahead any further.
var errEnough = errors.New("enough was read ahead")

// isEventStream reports whether an answer is one that may be quiet for as long as it likes.
func isEventStream(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/event-stream")
}

// ahead is a body whose beginning is read before anybody asks for it. It has one
// reader.
type ahead struct {
	source io.ReadCloser
	length int64 // of the body; -1 where it was not declared
	zipped bool
	change chan struct{} // capacity 1: something below changed

	mu        sync.Mutex // guards everything that follows
	kept      []byte     // read ahead, from the first byte on
	handed    int        // bytes of kept that were handed on
	text      []byte     // of a zipped body, unpacked
	limit     int        // bytes that are kept at most
	textLimit int        // bytes that are unpacked at most
	first     time.Time  // when bytes came first
	last      time.Time  // when bytes came last
	ended     bool       // nothing more is read ahead
	judged    bool       // nobody looks at text any more
	whole     bool       // kept is all of the body
	unpacked  bool       // text is all of it
	err       error      // that ended source; nil while it goes on
	spoiled   error      // that ended the unpacking
}

// glimpse is what of a body is there at one moment. Nobody changes it as long as the body is
// not read.
type glimpse struct {
	total       int
	text        beginning
	first, last time.Time
	ended       bool
	whole       bool  // all of the body is there
	broken      error // that broke the body off
	spoiled     error // that is wrong with its coding
}

// readAhead begins to read an answer's body ahead, and puts itself in its place.
func readAhead(response *http.Response, zipped bool, limit, textLimit int) *ahead {
	a := &ahead{
		source: response.Body, length: response.ContentLength, zipped: zipped, change: make(chan struct{}, 1),
		kept: takeBuffer(), limit: limit, textLimit: textLimit,
	}
	if zipped {
		a.text = takeBuffer()
	}
	response.Body = a
	// The goroutine ends with the limit or the body, and the body with the attempt.
	go a.fetch()
	return a
}

// fetch reads ahead until the limit or the end.
func (a *ahead) fetch() {
	if a.zipped {
		a.unpack()
	}
	for err := error(nil); err == nil; {
		_, err = a.more(aheadLimit)
	}
	a.mu.Lock()
	a.ended = true
	a.giveBack()
	a.mu.Unlock()
	a.signal()
}

// signal wakes whoever waits for a change.
func (a *ahead) signal() {
	select {
	case a.change <- struct{}{}:
	default:
	}
}

// more reads some bytes, and returns them.
func (a *ahead) more(most int) ([]byte, error) {
	a.mu.Lock()
	had := len(a.kept)
	room := min(most, a.limit-had)
	if room <= 0 || a.whole {
		a.mu.Unlock()
		return nil, errEnough
	}
	a.kept = grown(a.kept)
	into := a.kept[had:min(cap(a.kept), had+room)]
	a.mu.Unlock()
	n, err := a.source.Read(into)
	now := time.Now()
	a.mu.Lock()
	a.kept = a.kept[:had+n]
	a.err = err
	a.whole = err == io.EOF || a.length > 0 && err == nil && int64(had+n) >= a.length
	if n > 0 {
		a.last = now
		if had == 0 {
			a.first = now
		}
	}
	a.mu.Unlock()
	a.signal()
	return into[:n], err
}

// enough lets the reading end where nothing more is needed than limits say.
func (a *ahead) enough(limit, textLimit int) {
	a.mu.Lock()
	a.limit, a.textLimit = min(a.limit, limit), min(a.textLimit, textLimit)
	a.mu.Unlock()
}

// letGo ends the reading with the bytes that are under way, since the body is judged.
func (a *ahead) letGo() {
	a.enough(0, 0)
	a.mu.Lock()
	a.judged = true
	a.giveBack()
	a.mu.Unlock()
}

// giveBack returns the buffers that nobody uses any more. It is called with mu held.
func (a *ahead) giveBack() {
	if !a.ended || !a.judged {
		return
	}
	giveBuffer(a.text)
	a.text = nil
	if a.handed == len(a.kept) {
		giveBuffer(a.kept)
		a.kept, a.handed = nil, 0
	}
}

// glimpse is what is there by now.
func (a *ahead) glimpse() glimpse {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := glimpse{
		total: len(a.kept), first: a.first, last: a.last, ended: a.ended, whole: a.whole, spoiled: a.spoiled,
		text: beginning{text: a.kept, whole: a.whole},
	}
	if a.zipped {
		g.text = beginning{text: a.text, whole: a.unpacked}
	}
	if a.err != nil && a.err != io.EOF {
		g.broken = a.err
	}
	return g
}

// Read implements io.Reader: what was read ahead, and then the source itself.
func (a *ahead) Read(p []byte) (int, error) {
	for {
		a.mu.Lock()
		if a.handed < len(a.kept) {
			n := copy(p, a.kept[a.handed:])
			a.handed += n
			a.giveBack()
			a.mu.Unlock()
			return n, nil
		}
		ended, err := a.ended, a.err
		a.mu.Unlock()
		switch {
		case ended && err != nil:
			return 0, err
		case ended:
			return a.source.Read(p)
		}
		<-a.change
	}
}

// Close implements io.Closer. It ends reading ahead, too.
func (a *ahead) Close() error {
	err := a.source.Close()
	a.mu.Lock()
	a.handed = len(a.kept)
	a.giveBack()
	a.mu.Unlock()
	return err
}

// unpack unpacks a zipped body as it comes, as far as its text is needed.
func (a *ahead) unpack() {
	z := unzippers.Get().(*unzipper)
	defer z.giveBack()
	err := z.begin(tap{a})
	for err == nil {
		a.mu.Lock()
		had, most := len(a.text), a.textLimit
		if had >= most {
			a.mu.Unlock()
			return
		}
		a.text = grown(a.text)
		into := a.text[had:min(cap(a.text), most)]
		a.mu.Unlock()
		var n int
		n, err = z.Read(into)
		a.mu.Lock()
		a.text = a.text[:had+n]
		a.mu.Unlock()
		a.signal()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == io.EOF && (len(a.kept) > 0 && z.begun):
		a.unpacked = true
	case err == io.EOF:
		a.spoiled = io.ErrUnexpectedEOF // not even its header came
	case !errors.Is(err, errEnough):
		a.spoiled = err
	}
}

// tap is the body as the unpacking reads it.
type tap struct{ *ahead }

// Read implements io.Reader.
func (t tap) Read(p []byte) (int, error) {
	piece, err := t.more(len(p))
	n := copy(p, piece)
	if errors.Is(err, errEnough) && t.glimpse().whole {
		err = io.EOF
	}
	return n, err
}

// textNeeded is how much of a page's text is judged: of one that only the end of its connection
// ends, so much that its own end is seen.
func textNeeded(response *http.Response) int {
	if closeDelimited(response) {
		return inspectLimit
	}
	return gate.Limit
}
