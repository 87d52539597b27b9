package mirrors

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// maxAddress is how long an address may be: no server takes a longer request line
// for certain.
const maxAddress = 2000

// Address is an address that was read, in one form for all ways of writing it.
type Address struct {
	URL  string // https://host[:port][/path][?query], or http
	Host string // without port, in lower case, as A-labels
}

// Onion reports whether the address is reached through Tor alone.
func (a Address) Onion() bool { return strings.HasSuffix(a.Host, ".onion") }

// ReadAddress brings an address into its one form. An empty Flaw says that it could be.
// Scheme is that of an address without one.
func ReadAddress(text, scheme string) (Address, Flaw) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Address{}, NoURL
	case len(text) > maxAddress:
		return Address{}, TooLongURL
	}
	if !strings.Contains(text, "://") {
		text = scheme + "://" + strings.TrimPrefix(text, "//")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return Address{}, BadURL
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return Address{}, UnknownProto
	case u.User != nil:
		return Address{}, Credentials
	}
	host, flaw := readHost(u.Hostname())
	if flaw != "" {
		return Address{}, flaw
	}
	port, ok := readPort(u)
	if !ok {
		return Address{}, BadURL
	}
	return Address{URL: u.Scheme + "://" + bracketed(host) + port + rest(u), Host: host}, ""
}

// rest is what follows the host: nothing for the home page.
func rest(u *url.URL) string {
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	if u.RawQuery == "" {
		return path
	}
	// Nothing but printable ASCII goes into a request line, or before an operator.
	query := strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, u.RawQuery)
	return path + "?" + query
}

// readPort is the port with its colon; empty for the scheme's own.
func readPort(u *url.URL) (port string, ok bool) {
	text := u.Port()
	if text == "" {
		return "", true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil || n == 0:
		return "", false
	case u.Scheme == "https" && n == 443, u.Scheme == "http" && n == 80:
		return "", true
	}
	return ":" + strconv.FormatUint(n, 10), true
}

// bracketed is a host as it stands in an address.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// readHost brings a host into one form, and says what speaks against it.
func readHost(text string) (host string, flaw Flaw) {
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip.Zone() != "" || !isPublic(ip) {
			return "", Private
		}
		return ip.Unmap().String(), ""
	}
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil || host == "" || len(host) > 253 {
		return "", BadURL
	}
	// Some names become one that would itself be refused.
	if again, err := idna.Lookup.ToASCII(host); err != nil || again != host {
		return "", BadURL
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return "", BadURL
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case endsInNumber(last):
		// 127.1, 0x7f000001 and 2130706433 are addresses to a browser, and nobody writes
		// a mirror's so.
		return "", BadURL
	case last == host || isLocalName(host):
		return "", Private
	}
	return host, ""
}

// endsInNumber reports whether browsers take a host for an IPv4 address because of
// its last label (WHATWG URL, "ends in a number").
func endsInNumber(last string) bool {
	if hex, is := strings.CutPrefix(last, "0x"); is {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// isLocalName reports whether a name means something else in each network.
func isLocalName(host string) bool {
	for _, suffix := range [...]string{".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp", ".home"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// isPublic reports whether an address can be a server's on the Internet.
func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, reserved := range [...]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		// What carries an IPv4 address may carry a private one, and no server has such
		// an address: translation, Teredo and 6to4.
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		if netip.MustParsePrefix(reserved).Contains(ip) {
			return false
		}
	}
	return true
}
