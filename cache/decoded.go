package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

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
// page could not be, the reader's own word counts.
func (c *Cache) asksCompressed(r *Request) bool {
	if !mayTransform(r.HTTP.Header) {
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
// reader who did not ask for it so, another.
func (c *Cache) legible(ctx context.Context, r *Request, got *Fetched) (*Fetched, error) {
	if accepts(r.HTTP.Header, codingGzip) || decodable(r, got) || !zipped(got.Response) || !peekGzip(got.Response) {
		return got, nil
	}
	got.Response.Body.Close()
	got, err := r.Site.Fetch(ctx, r, Query{Whole: true})
	if err == nil && got.Response.StatusCode == http.StatusNotModified {
		got.Response.Body.Close()
		return nil, fmt.Errorf("%s answered 304 to a request without conditions", got.Origin)
	}
	return got, err
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

// peekGzip looks whether a body begins as gzip does: some servers say so of what is not.
func peekGzip(response *http.Response) bool {
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(response.Body, head)
	rest := io.Reader(response.Body)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		rest = broken{err}
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head[:n]), rest), response.Body}
	return bytes.Equal(head[:n], gzipMagic)
}

// broken is the rest of a body that broke off.
type broken struct{ err error }

// Read implements io.Reader.
func (b broken) Read([]byte) (int, error) { return 0, b.err }

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
	zip  *gzip.Reader // nil before the first read, and after the last
	size int64        // bytes that came out
	err  error        // that ended it
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.zip == nil {
		if d.err = d.begin(); d.err != nil {
			return 0, d.err
		}
	}
	n, err := d.zip.Read(p)
	d.size += int64(n)
	if err == nil && d.size > bombEnd && d.bloated() {
		err = fmt.Errorf("it is more than %d times its size on the way", bombRatio)
	}
	if err != nil {
		d.err = d.failed(err)
		d.coders.unzip.Put(d.zip)
		d.zip = nil
	}
	return n, d.err
}

// begin reads the header of the first member.
func (d *decoder) begin() error {
	d.zip, _ = d.coders.unzip.Get().(*gzip.Reader)
	if d.zip == nil {
		d.zip = new(gzip.Reader)
	}
	if err := d.zip.Reset(&d.from); err != nil {
		return d.failed(err)
	}
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
