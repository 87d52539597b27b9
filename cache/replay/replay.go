package replay

import (
	"net/http"
	"time"

	"github.com/heliograph-edge/heliograph/cache"
)

// Request is one reader's request for a page that may be stored.
type Request struct {
	Key  cache.Key
	Size int64     // of the page's body
	At   time.Time // may be zero where there is no lifetime
}

// Policy decides what is kept. A policy is used by one goroutine.
type Policy interface {
	// Ask reports whether the page is there and not older than the policy's lifetime. If it
	// is not, it is stored, as far as the policy wants that.
	Ask(r Request) (hit bool)
	// Holds tells what is kept now, and what left to make room.
	Holds() Holding
}

// Holding is what a policy keeps.
type Holding struct {
	Pages     int
	Bytes     int64
	Evictions uint64
}

// Tally counts what came of requests.
type Tally struct {
	Requests, Hits  int64
	Bytes, HitBytes int64
}

// Count adds a request of so many bytes.
func (t *Tally) Count(hit bool, bytes int64) {
	t.Requests++
	t.Bytes += bytes
	if hit {
		t.Hits++
		t.HitBytes += bytes
	}
}

// HitShare is the share of the requests that were hits, from 0 to 1.
func (t *Tally) HitShare() float64 { return share(t.Hits, t.Requests) }

// ByteShare is the share of the bytes that were hits, from 0 to 1.
func (t *Tally) ByteShare() float64 { return share(t.HitBytes, t.Bytes) }

// share is part of whole, 0 of nothing.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// page makes the page that a request is for, which costs what one with a body would.
func page(r Request, body *cache.Body) *cache.Page {
	p := &cache.Page{Key: r.Key, Status: http.StatusOK, Body: body, Length: r.Size}
	p.Freshness.Responded = r.At
	p.Grew(r.Size)
	return p
}

// Cost is what a page takes in a store.
func Cost(key cache.Key, size int64) int64 {
	return page(Request{Key: key, Size: size}, cache.NewBody(nil)).Cost()
}
