package mirrors

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Parse reads a list of Bypass Censorship, of version 1 or 2. What is left out is
// counted by its flaw. The error is a [*Refusal], and the list then empty.
func Parse(r io.Reader) (List, []Skipped, error) {
	p := parser{skips: skips{}, places: map[string]int{}, seen: map[string]bool{}}
	// Some editors begin a file with a byte order mark, which is no JSON.
	text := bufio.NewReader(&bounded{r, MaxBytes})
	if mark, err := text.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = text.Discard(len(mark)) // it was there a moment ago
	}
	p.json = json.NewDecoder(text)
	if err := p.list(); err != nil {
		return List{}, nil, refusalOf(err, p.json.InputOffset())
	}
	return p.found, p.skips.listed(), nil
}

// refusalOf is the refusal for what ended the reading at an offset.
func refusalOf(err error, offset int64) error {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(Malformed, "it ends in the middle, after %d bytes: fetch it again", offset)
	}
	return refuse(Malformed, "at byte %d: %s", offset, shown(err.Error()))
}

// bounded reads so many bytes and then refuses to go on.
type bounded struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if n, err := b.r.Read(make([]byte, 1)); n == 0 && err != nil {
			return 0, err
		}
		return 0, refuse(TooLong, "it has more than %d bytes", MaxBytes)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// parser goes through a list token by token, so that only what is kept takes memory.
type parser struct {
	json    *json.Decoder
	found   List
	skips   skips
	places  map[string]int  // of sites in found, by domain
	seen    map[string]bool // domains with an address of theirs
	entries int             // sites and addresses so far, kept or not
	sites   int
}

// list reads the whole document.
func (p *parser) list() error {
	var version any
	err := p.object(func(key string) error {
		switch key {
		case "version":
			return p.json.Decode(&version)
		case "sites":
			return p.array(p.site)
		}
		return p.pass()
	})
	if err != nil {
		return err
	}
	if _, err := p.json.Token(); err != io.EOF {
		if err != nil {
			return err
		}
		return errors.New("something follows the list")
	}
	p.found.Version = strings.Trim(fmt.Sprint(version), " ")
	if version == nil {
		return refuse(UnknownVersion, "it does not say its version: is it a list of mirrors?")
	}
	if major, _, _ := strings.Cut(p.found.Version, "."); major != "1" && major != "2" {
		return refuse(UnknownVersion, "its version is %q, and this build reads 1 and 2", shown(p.found.Version))
	}
	return nil
}

// draft is one site while it is read. Its parts may come in any order.
type draft struct {
	domain any
	read   int // addresses so far
	found  []numbered
}

// numbered is an alternate with its place among the site's, for its name.
type numbered struct {
	Alternate
	place int
}

// site reads one site.
func (p *parser) site() error {
	p.sites++
	if err := p.count(); err != nil {
		return err
	}
	var d draft
	is, err := p.objectOrElse(func(key string) error { return p.field(&d, key) })
	if err != nil {
		return err
	}
	if !is {
		p.skips.add(NotAnEntry, fmt.Sprintf("site %d", p.sites))
		return nil
	}
	p.keep(d)
	return nil
}

// field reads one field of a site.
func (p *parser) field(d *draft, key string) error {
	switch key {
	case "main_domain":
		return p.json.Decode(&d.domain)
	case "available_alternatives": // version 2
		return addresses(p, d, func(e entry) entry { return e })
	case "available_mirrors": // version 1, as the next two
		return addresses(p, d, func(host string) entry { return entry{Proto: "https", URL: host} })
	case "available_onions":
		return addresses(p, d, func(host string) entry { return entry{Proto: "tor", Type: "eotk", URL: host} })
	case "available_ipfs_nodes":
		// These are names of content, which no address follows from.
		return addresses(p, d, func(name string) entry { return entry{Proto: "ipfs", URL: name} })
	}
	return p.pass()
}

// addresses reads an array of what entryOf makes entries of.
func addresses[T any](p *parser, d *draft, entryOf func(T) entry) error {
	return p.array(func() error {
		d.read++
		if err := p.count(); err != nil {
			return err
		}
		var value *T
		err := p.json.Decode(&value)
		var wrongType *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrongType), err == nil && value == nil:
			p.skips.add(NotAnEntry, p.name(d.read, ""))
			return nil
		case err != nil:
			return err
		}
		p.take(d, entryOf(*value))
		return nil
	})
}

// take reads an entry into the draft.
func (p *parser) take(d *draft, e entry) {
	a, flaw, doubt := e.read()
	if flaw != "" {
		p.skips.add(flaw, p.name(d.read, e.URL))
		return
	}
	if doubt != "" {
		p.skips.add(doubt, p.name(d.read, e.URL))
	}
	d.found = append(d.found, numbered{a, d.read})
}

// name is what an operator finds an address of the present site by.
func (p *parser) name(place int, url string) string {
	return fmt.Sprintf("site %d, address %d %q", p.sites, place, shown(url))
}

// keep takes a site's addresses into the list, together with those that it had before.
func (p *parser) keep(d draft) {
	text, _ := d.domain.(string)
	address, flaw := ReadAddress(text, "https")
	if flaw != "" {
		p.skips.add(BadDomain, fmt.Sprintf("site %d %q", p.sites, shown(text)))
		return
	}
	at, known := p.places[address.Host]
	if !known {
		at = len(p.found.Sites)
		p.places[address.Host] = at
		p.found.Sites = append(p.found.Sites, Site{Domain: address.Host})
	}
	for _, a := range d.found {
		key := address.Host + " " + a.URL
		if p.seen[key] {
			p.skips.add(Duplicate, p.name(a.place, a.URL))
			continue
		}
		p.seen[key] = true
		p.found.Sites[at].Alternates = append(p.found.Sites[at].Alternates, a.Alternate)
	}
}

// count refuses a list with too many entries.
func (p *parser) count() error {
	if p.entries++; p.entries > MaxEntries {
		return refuse(TooLong, "it has more than %d sites and addresses", MaxEntries)
	}
	return nil
}
