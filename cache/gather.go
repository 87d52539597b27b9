package cache

import (
	"context"
	"net/http"
	"slices"
	"strconv"
)

// gathering is a part on its way: the range that arrives, and what is held on both sides
// of it.
type gathering struct {
	page          *Page // of all three, as they will be stored
	arriving      byteRange
	before, after piece
}

// receiveRest goes on with the answer to a fill that asked for a rest. done says that the
// fill has ended with it. Otherwise what it returns is no part, or one that is handed over.
func (c *Cache) receiveRest(ctx context.Context, cancel context.CancelFunc, f *fill, r *Request, got *Fetched) (next *Fetched, done bool, err error) {
	q, status := f.rest, got.Response.StatusCode
	outdated := f.held().outdates(got.edition())
	if status == http.StatusPartialContent && !outdated {
		g, reason := c.gather(f, r, got)
		if reason == "" {
			c.receivePart(ctx, cancel, f, got, g)
			return nil, true, nil
		}
		c.heedPart(f, r, got, reason)
	}
	if q.held != nil && status < 500 && !got.Doubtful && !outdated && !judgesRequest(got) {
		c.store.Drop(q.held) // the page is another one by now
	}
	standsIn := outdated && f.stale != nil && f.standsIn(r, c.now())
	if q.own || standsIn || status != http.StatusPartialContent && status != http.StatusRequestedRangeNotSatisfiable {
		return got, false, nil
	}
	got.Response.Body.Close()
	if q.whole {
		next, err = c.fetch(ctx, r, Query{Whole: true, Compressed: c.asksCompressed(r)})
		return next, false, err
	}
	c.leave(f)
	f.settle(outcome{err: errOtherPart})
	return nil, true, nil
}

// heedPart draws the consequences of a part that cannot be stored. One that is too large tells
// how long the page is; one that is not what was asked for says nothing of others.
func (c *Cache) heedPart(f *fill, r *Request, got *Fetched, reason Reason) {
	switch reason {
	case ReasonTooLarge:
		if _, complete, _ := parseContentRange(single(got.Response.Header, "Content-Range")); complete >= 0 {
			c.learnLength(f.audience, complete)
			return
		}
		c.decline(f.audience, reason) // readers would wait for each other again and again
		return
	case ReasonPartial, ReasonForeign, ReasonUnconfirmed:
		c.declineOnce(f.audience, reason)
		return
	}
	c.decline(f.audience, reason)
	if f.stale != nil && reason != ReasonPrivate && !personal(r.HTTP.Header) {
		c.store.Drop(f.stale)
	}
}

// gather makes the page of a 206 and what it is combined with. The reason why not is
// [ReasonPartial] where it is not the part that was asked for.
func (c *Cache) gather(f *fill, r *Request, got *Fetched) (*gathering, Reason) {
	header := got.Response.Header
	arriving, complete, ok := parseContentRange(single(header, "Content-Range"))
	declared := got.Response.ContentLength
	if !ok || !f.rest.spec.isAnsweredBy(arriving, complete) || declared >= 0 && declared != arriving.size() ||
		header.Get("Content-Encoding") != "" {
		return nil, ReasonPartial
	}
	tag := single(header, "Etag")
	header = header.Clone()
	delete(header, "Content-Range")
	delete(header, "Content-Length")
	held := f.rest.held
	if held != nil {
		header = merge(held.Header.Unpack(), header) // RFC 9111 §3.4
	}
	whole, response := *got, *got.Response // as the answer that it is a part of
	whole.Response = &response
	response.StatusCode, response.Header, response.ContentLength = http.StatusOK, header, arriving.size()
	if reason := c.storable(r, &whole); reason != "" {
		return nil, reason
	}
	response.ContentLength = complete
	g := &gathering{page: newPage(partKey(f.key), r.HTTP.Header, &whole), arriving: arriving}
	g.page.Parts = &Parts{Complete: complete}
	if held != nil {
		if tag != held.Header.Single("Etag") || !g.page.isSameVersion(held) || !c.present(held) {
			return nil, ReasonPartial
		}
		g.surround(held)
	}
	g.settle()
	return g, ""
}

// surround takes what is held right before and behind what arrives.
func (g *gathering) surround(held *Page) {
	for _, p := range held.pieces() {
		switch {
		case p.to == g.arriving.from:
			g.before = p
		case p.from == g.arriving.to:
			g.after = p
		}
	}
}

// settle gives the page its span, and the body that goes on where what is held ends.
func (g *gathering) settle() {
	span := Span{g.arriving.from - g.before.size(), g.arriving.to + g.after.size()}
	g.page.Parts = &Parts{Complete: g.page.Parts.Complete, Spans: []Span{span}}
	g.page.Body = &Body{chunks: slices.Clone(g.before.chunks), size: g.before.size()}
}

// isAnsweredBy reports whether a part of a page is all that the member of a Range asks
// for, and nothing else.
func (s rangeSpec) isAnsweredBy(r byteRange, complete int64) bool {
	if complete < 0 {
		return s.first >= 0 && r.from == s.first && r.to-1 == s.last
	}
	want, ok := s.of(complete)
	return ok && want == r
}

// receivePart settles the fill with a part, and stores it when its bytes have arrived, as
// far as they did.
func (c *Cache) receivePart(ctx context.Context, cancel context.CancelFunc, f *fill, got *Fetched, g *gathering) {
	defer got.Response.Body.Close()
	defer c.ended(f)
	defer c.leave(f)
	c.accept(f.audience)
	page, body := g.page, g.page.Body
	if f.rest.whole {
		page = g.page.asWhole(f.key, body)
	}
	o := outcome{page: page, result: Miss, status: Status{FwdStatus: got.Response.StatusCode, Stored: true}, tries: got.Attempts}
	if f.leader != nil {
		o.cursor, _ = body.Follow()
		defer context.AfterFunc(f.leader, o.cursor.Close)()
	}
	f.settle(o)
	transfer := &transfer{cache: c, fill: f, body: body, length: g.before.size() + g.arriving.size()}
	c.work.Go(func() { transfer.watch(ctx, cancel) })
	err := transfer.copy(ctx, got.Response.Body)
	if err != nil {
		c.leave(f) // before the followers learn of it
		c.count.FillAborts.Add(1)
	}
	body.trim()
	if err == nil {
		body.add(g.after)
	}
	arrived := body.held()
	body.end(err, nil)
	c.store.Release(f.key, transfer.reserved)
	if transfer.passing || err != nil && int64(len(arrived)) == 0 {
		return
	}
	c.keepPart(f, g.page, piece{byteRange{g.page.Parts.Spans[0].From, 0}, arrived}, g.arriving)
}

// keepBroken stores what has arrived of a page whose body broke off, as a part of it
// (RFC 9111 §3.3).
func (c *Cache) keepBroken(f *fill, page *Page) {
	size := page.Body.Size()
	part := page.asPart()
	if size == 0 || size >= page.Length || page.Status != http.StatusOK || page.Header.Has("Content-Encoding") || !part.combines() {
		return
	}
	c.keepPart(f, part, piece{chunks: page.Body.held()}, byteRange{0, size})
}

// keepPart stores a part beside others of the same version, and the page as a whole once
// nothing is missing. The end of the piece is where its bytes end. latest is what was
// asked for.
func (c *Cache) keepPart(f *fill, page *Page, fresh piece, latest byteRange) {
	fresh.to = fresh.from
	for _, chunk := range fresh.chunks {
		fresh.to += int64(len(chunk))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.mu.Lock() // no other fill may store between the look and the Put
	defer c.mu.Unlock()
	from := f.stale
	if f.rest != nil && f.rest.held != nil {
		from = f.rest.held
	}
	if fresh.size() == 0 || f.spoiled || !c.admitLocked(page, from, f.number) {
		return
	}
	pieces := []piece{fresh}
	for _, held := range c.store.Peek(page.Key) {
		switch {
		case !page.SameVariant(held) || !c.present(held):
		case page.isSameVersion(held):
			pieces = combine(held.pieces(), fresh)
		case page.isOlder(held):
			return
		}
	}
	latest = byteRange{max(latest.from, fresh.from), min(latest.to, fresh.to)}
	parts, body := assemble(bounded(pieces, latest, c.maxPage), page.Parts.Complete)
	if !parts.isWhole() {
		c.store.Put(page.withParts(parts, body), 0)
		return
	}
	c.store.Remove(page.Key)
	whole := page.asWhole(f.key, body)
	if !slices.ContainsFunc(c.store.Peek(f.key), whole.isOlder) {
		c.put(whole, 0)
	}
}

// withParts is the page with other parts of it.
func (p *Page) withParts(parts *Parts, body *Body) *Page {
	next := p.with(p.Key, p.Header, body)
	next.Parts = parts
	return next
}

// asPart is a whole page whose body is not, as one in parts.
func (p *Page) asPart() *Page {
	part := p.with(partKey(p.Key), p.Header.with(Field{"Content-Length", ""}), p.Body)
	part.Parts = &Parts{Complete: p.Length}
	return part
}

// asWhole is the page that nothing is missing of.
func (p *Page) asWhole(key Key, body *Body) *Page {
	return p.with(key, p.Header.with(Field{"Content-Length", strconv.FormatInt(p.Length, 10)}), body)
}

// with is the page under another key, with another header and body. What purges it was
// held to stays.
func (p *Page) with(key Key, header Header, body *Body) *Page {
	next := &Page{
		Key: key, Status: p.Status, Header: header, Origin: p.Origin, Freshness: p.Freshness, Minted: p.Minted,
		Variant: p.Variant, Body: body, Length: p.Length,
	}
	next.expired.Store(p.expired.Load())
	next.purged.Store(p.purged.Load())
	return next
}

// add ends a body that arrives with a piece that was there before.
func (b *Body) add(p piece) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.chunks = append(b.chunks, p.chunks...)
	b.size += p.size()
	b.changedLocked()
}

// held are the chunks that have arrived of a body that is kept.
func (b *Body) held() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	chunks := slices.Clone(b.chunks)
	for i := range chunks {
		chunks[i] = slices.Clip(chunks[i])
	}
	return chunks
}
