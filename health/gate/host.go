package gate

import (
	"bytes"
	"strings"
)

// hostOf is the host that an address names, without its port. It is empty where
// the address is relative. Is is false for what leads nowhere: a fragment, a
// script, a mail address.
func hostOf(address []byte) (host []byte, is bool) {
	for len(address) > 0 && isSpace(address[0]) {
		address = address[1:]
	}
	switch {
	case len(address) == 0 || address[0] == '#':
		return nil, false
	case address[0] == '/' && (len(address) == 1 || address[1] != '/'):
		return nil, true
	case bytes.HasPrefix(address, []byte("//")):
		address = address[2:]
	case len(address) > 8 && (string(address[:8]) == "https://" || equalFold(address[:8], "https://")):
		address = address[8:]
	case len(address) > 7 && equalFold(address[:7], "http://"):
		address = address[7:]
	case hasScheme(address):
		return nil, false
	default:
		return nil, true
	}
	host = address
	odd := false // there are a user, a port, or brackets
	for i, c := range address {
		if endsHost(c) {
			host = address[:i]
			break
		}
		odd = odd || c == ':' || c == '@'
	}
	if odd {
		host = host[bytes.LastIndexByte(host, '@')+1:]
		if colon := bytes.LastIndexByte(host, ':'); colon >= 0 && bytes.IndexByte(host[colon:], ']') < 0 {
			host = host[:colon]
		}
	}
	return bytes.TrimSuffix(host, []byte(".")), len(host) > 0
}

// endsHost reports whether a byte ends the authority of an address.
func endsHost(c byte) bool {
	return c < 64 && hostEnds>>c&1 != 0 || c == '\\'
}

// hasScheme reports whether an address begins with a scheme.
func hasScheme(address []byte) bool {
	for i, c := range address {
		switch {
		case c == ':':
			return i > 0
		case !isLetter(c) && c != '+' && c != '-' && c != '.' && c-'0' > 9:
			return false
		}
	}
	return false
}

// bareHost is a configured host without port and www.
func bareHost(host string) string {
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:colon]
	}
	return strings.TrimPrefix(host, "www.")
}

// within reports whether a host is domain or a name below it.
func within(host []byte, domain string) bool {
	cut := len(host) - len(domain)
	if domain == "" || cut < 0 || cut > 0 && host[cut-1] != '.' {
		return false
	}
	return equalFold(host[cut:], domain)
}

// isParking reports whether a host belongs to a company that parks and sells domains.
func isParking(host []byte) bool {
	for _, domain := range [...]string{
		"sedoparking.com", "sedo.com", "bodis.com", "parkingcrew.net", "above.com", "dan.com", "afternic.com",
		"hugedomains.com", "forsale.godaddy.com", "parklogic.com", "undeveloped.com", "uniregistry.com",
		"domainmarket.com", "parkingpage.namecheap.com", "cashparking.com", "skenzo.com", "voodoo.com",
		"dsnextgen.com", "ztomy.com", "smartname.com", "domainsponsor.com", "sav.com", "epik.com", "buydomains.com",
	} {
		if within(host, domain) {
			return true
		}
	}
	return false
}

// isEverybodys reports whether a host is linked to by all kinds of pages, and
// so tells nothing of a site.
func isEverybodys(host []byte) bool {
	for _, domain := range [...]string{
		"facebook.com", "twitter.com", "x.com", "instagram.com", "youtube.com", "youtu.be", "linkedin.com", "t.me",
		"telegram.me", "whatsapp.com", "wa.me", "google.com", "googleapis.com", "gstatic.com", "apple.com", "w3.org",
		"wikipedia.org", "tiktok.com", "pinterest.com", "reddit.com", "cloudflare.com", "microsoft.com", "vk.com", "ok.ru",
	} {
		if within(host, domain) {
			return true
		}
	}
	return false
}

// indexFold is where an ASCII text first occurs, in any case. It is for short texts.
func indexFold(b []byte, s string) int {
	for i := 0; i+len(s) <= len(b); i++ {
		if equalFold(b[i:i+len(s)], s) {
			return i
		}
	}
	return -1
}
