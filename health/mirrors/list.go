package mirrors

import (
	"strings"
	"time"
)

const (
	// MaxBytes is how long a list may be. The largest one in use has a tenth of it.
	MaxBytes = 4 << 20
	// MaxEntries is how many sites and addresses together a list may have.
	MaxEntries = 20000
)

// Proto is how an address is reached.
type Proto string

// The closed set of protos.
const (
	HTTPS Proto = "https"
	HTTP  Proto = "http"
	Tor   Proto = "tor"
)

// Kind is what runs at an address.
type Kind string

// The closed set of kinds.
const (
	Mirror Kind = "mirror"
	EOTK   Kind = "eotk" // the publication's onion site
	Proxy  Kind = "proxy"
	IPFS   Kind = "ipfs" // a gateway's address
)

// List is a list of Bypass Censorship that was read.
type List struct {
	Version string // as it is written in the list
	Sites   []Site // each name once, in the order of the list
}

// Site is one publication of a list.
type Site struct {
	Domain     string // main_domain, in lower case, as A-labels
	Alternates []Alternate
}

// Alternate is one more address of a site.
type Alternate struct {
	Address
	Proto Proto
	Kind  Kind
	// Created and Updated are zero where the list does not say, or makes no sense.
	Created, Updated time.Time
}

// Find is the site with a domain; with or without www is the same.
func (l List) Find(domain string) (Site, bool) {
	host, flaw := readHost(domain)
	if flaw != "" {
		return Site{}, false
	}
	for _, site := range l.Sites {
		if strings.TrimPrefix(site.Domain, "www.") == strings.TrimPrefix(host, "www.") {
			return site, true
		}
	}
	return Site{}, false
}

// entry is one alternative of a list of version 2.
type entry struct {
	Proto   string `json:"proto"`
	Type    string `json:"type"`
	URL     string `json:"url"`
	Created string `json:"created_at"`
	Updated string `json:"updated_at"`
}

// read makes an entry an alternate. Flaw says why it is left out; doubt why its
// times are.
func (e entry) read() (a Alternate, flaw, doubt Flaw) {
	scheme := "https"
	switch Proto(e.Proto) {
	case HTTPS, "":
	case HTTP, Tor:
		scheme = "http"
	default:
		return Alternate{}, UnknownProto, ""
	}
	switch a.Kind = Kind(e.Type); a.Kind {
	case Mirror, EOTK, Proxy, IPFS:
	case "":
		a.Kind = Mirror
	default:
		return Alternate{}, UnknownType, ""
	}
	if a.Address, flaw = ReadAddress(e.URL, scheme); flaw != "" {
		return Alternate{}, flaw, ""
	}
	switch {
	case a.Onion():
		a.Proto = Tor
	case Proto(e.Proto) == Tor:
		return Alternate{}, WrongProto, ""
	default:
		// The address is what will be asked for, so it is believed before the label.
		a.Proto = Proto(a.URL[:strings.IndexByte(a.URL, ':')])
	}
	a.Created, a.Updated, doubt = readTimes(e.Created, e.Updated)
	return a, "", doubt
}

// readTimes reads when an entry was made and changed.
func readTimes(made, changed string) (created, updated time.Time, doubt Flaw) {
	created, ok := readTime(made)
	updated, also := readTime(changed)
	switch {
	case !ok || !also:
		return time.Time{}, time.Time{}, BadTime
	case !created.IsZero() && !updated.IsZero() && updated.Before(created):
		return time.Time{}, time.Time{}, TimesReverse
	}
	return created, updated, ""
}

// readTime reads a time in one of the ways in which the lists in use have it; those
// without a zone are in UTC.
func readTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, layout := range [...]string{"2006-01-02 15:04:05.999999", time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
