package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	// bombFree is how much may be unpacked whatever it was before: a page of blanks is no bomb.
	bombFree = 1 << 20
	// bombRatio is how many bytes one may become after that in what is stored. Text gets to 20,
	// and what repeats itself to 100.
	bombRatio = 200
	// bombEnd is where a body that is not stored for that reason ends.
	bombEnd = 64 << 20
)

// CodingError says that an origin's answer could not be decoded. Its readers have a part of
// it by then.
type CodingError struct {
	Decoded int64 // bytes that came out of it before
	Err     error
}

// Error says what is wrong with the answer.
func (e *CodingError) Error() string {
	return fmt.Sprintf("the origin's gzip could not be decoded after %d bytes: %v", e.Decoded, e.Err)
}

// Unwrap returns the decoder's error.
func (e *CodingError) Unwrap() error { return e.Err }

// ProxyError is the error's type in Proxy-Status, RFC 9209 §2.3.
func (e *CodingError) ProxyError() string { return "http_response_content_coding_error" }

// asksCompressed reports whether a fill asks for a compressed transfer although it is not
// known that the reader can read one: whatever may be transformed is decoded. Where a stored
// page could not be, the reader's own word counts; so it does with a site's only origin, which
// would have to be asked again for what may not be.
func (c *Cache) asksCompressed(r *Request) bool {
	if !mayTransform(r.HTTP.Header) || r.Site.Lone && !accepts(r.HTTP.Header, codingGzip) {
		return false
	}
	for _, page := range c.store.Peek(r.Key) {
		for _, name := range page.varies() {
			if name == "Accept-Encoding" {
				return false
			}
		}
	}
	return true
}

// legible returns the answer, or, where it is compressed, may not be decoded, and is for a
// reader who did not ask for it so, another. A site's only origin was asked for identity
// already.
func (c *Cache) legible(ctx context.Context, r *Request, got *Fetched) (*Fetched, error) {
	if r.Site.Lone || accepts(r.HTTP.Header, codingGzip) || decodable(r, got) || !zipped(got.Response) || !peekGzip(got.Response) {
		return got, nil
	}
	got.Response.Body.Close()
	return fetchUnasked(ctx, r, Query{Whole: true})
}

// fetchUnasked fetches without conditions: a 304 is an error.
func fetchUnasked(ctx context.Context, r *Request, query Query) (*Fetched, error) {
	got, err := r.Site.Fetch(ctx, r, query)
	if err == nil {
		err = unasked(got)
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

// decodeFor decodes an answer that is passed on to a reader who did not ask for gzip.
func (c *Cache) decodeFor(r *Request, got *Fetched) {
	if !accepts(r.HTTP.Header, codingGzip) {
		c.decode(r, got)
	}
}

// decode makes a compressed answer one of identity, if it may: its header says so, and its
// body is decoded as it is read. The answer's entity tag, which names the bytes that came, is
// weak from then on.
func (c *Cache) decode(r *Request, got *Fetched) (decoded bool) {
	response := got.Response
	if !zipped(response) || !decodable(r, got) {
		return false
	}
	if r.HTTP.Method != http.MethodHead {
		if !peekGzip(response) {
			return false
		}
		response.Body = &decoder{coders: &c.coders, from: counting{Reader: response.Body}, Closer: response.Body}
	}
	response.Header = response.Header.Clone()
	response.ContentLength = -1
	undescribe(response.Header)
	delete(response.Header, "Content-Encoding")
	delete(response.Header, "Content-Length")
	return true
}

// undescribe removes from a decoded answer's header, in place, what was true of other bytes.
func undescribe(header http.Header) {
	for _, name := range ofOtherBytes {
		delete(header, name)
	}
	if tag := single(header, "Etag"); strings.HasPrefix(tag, `"`) {
		header["Etag"] = []string{"W/" + tag}
	}
}

// decodable reports whether an answer may be decoded: it is not a part, and neither it nor
// the reader forbids transformations (RFC 9110 §7.7).
func decodable(r *Request, got *Fetched) bool {
	response := got.Response
	return response.StatusCode != http.StatusPartialContent && len(response.Header["Content-Range"]) == 0 &&
		mayTransform(response.Header) && mayTransform(r.HTTP.Header)
}

// zipped reports whether an answer says that it is in gzip, and nothing else beside.
func zipped(response *http.Response) bool {
	coding := single(response.Header, "Content-Encoding")
	return strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip")
}

// gzipMagic is how every member of gzip begins, with the only method there is (RFC 1952
// §2.3.1).
var gzipMagic = []byte{0x1f, 0x8b, 8}

// peekPatience is how long a body may take to show that it is gzip. Then it is believed to be, until
// it shows otherwise: nobody waits with the header for a body that is made slowly.
const peekPatience = 20 * time.Millisecond

// peekGzip looks whether a body begins as gzip does: some servers say so of what is not.
func peekGzip(response *http.Response) bool {
	p := &peeked{body: response.Body, done: make(chan struct{})}
	response.Body = p
	go p.look()
	timer := time.NewTimer(peekPatience)
	defer timer.Stop()
	select {
	case <-p.done:
		return bytes.Equal(p.head, gzipMagic)
	case <-timer.C:
		return true
	}
}

// peeked is a body whose first bytes are read ahead.
type peeked struct {
	body io.ReadCloser
	done chan struct{} // closed when the first bytes are there; then what follows is Read's
	head []byte        // of them, what is still to be read
	err  error         // that came instead of more of them
}

// look reads the first bytes.
func (p *peeked) look() {
	defer close(p.done)
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(p.body, head)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	p.head, p.err = head[:n], err
}

// Read implements io.Reader. It ends with the fetch.
func (p *peeked) Read(b []byte) (int, error) {
	<-p.done
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.body.Read(b)
}

// Close implements io.Closer. A body is not closed while it is read from.
func (p *peeked) Close() error {
	select {
	case <-p.done:
		return p.body.Close()
	default:
	}
	go func() {
		<-p.done
		p.body.Close()
	}()
	return nil
}

// counting counts what is read, and remembers how it ended.
type counting struct {
	io.Reader
	n   int64
	err error
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// decoder is the body of a compressed answer, decoded as it is read.
type decoder struct {
	coders *coders
	from   counting
	io.Closer
	text io.Reader    // what is read: nil before the first read
	zip  *gzip.Reader // that is in use for it; nil where the body is no gzip, and after the last read
	size int64        // bytes that came out
	err  error        // that ended it
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.text == nil {
		if d.err = d.begin(); d.err != nil {
			return 0, d.err
		}
	}
	n, err := d.text.Read(p)
	d.size += int64(n)
	if err == nil && d.size > bombEnd && d.bloated() {
		err = fmt.Errorf("it is more than %d times its size on the way", bombRatio)
	}
	if err != nil {
		d.err = d.failed(err)
		if d.zip != nil {
			d.coders.unzip.Put(d.zip)
			d.zip = nil
		}
	}
	return n, d.err
}

// begin looks whether the body begins as gzip does, and reads the header of the first member.
func (d *decoder) begin() error {
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(&d.from, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	d.text = io.MultiReader(bytes.NewReader(head[:n]), &d.from)
	if !bytes.Equal(head[:n], gzipMagic) {
		return nil
	}
	d.zip, _ = d.coders.unzip.Get().(*gzip.Reader)
	if d.zip == nil {
		d.zip = new(gzip.Reader)
	}
	if err := d.zip.Reset(d.text); err != nil {
		return d.failed(err)
	}
	d.text = d.zip
	return nil
}

// failed tells a body that broke off on the way from one that cannot be decoded.
func (d *decoder) failed(err error) error {
	switch {
	case err == io.EOF:
		return io.EOF
	case d.from.err != nil && d.from.err != io.EOF:
		return d.from.err
	}
	return &CodingError{Decoded: d.size, Err: err}
}

// bloated reports whether so much has come out of so little that it must not be stored.
func (d *decoder) bloated() bool { return d.size > bombFree && d.size > bombRatio*d.from.n }

// bloated reports whether a body is a decoded one that is.
func bloated(body io.Reader) bool {
	d, ok := body.(*decoder)
	return ok && d.bloated()
}
