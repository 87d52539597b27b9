package resolve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// The schemes of servers.
const (
	schemeSystem = "system"
	schemeUDP    = "udp"
	schemeTCP    = "tcp"
	schemeTLS    = "tls"
	schemeHTTPS  = "https"
)

const (
	// defaultPath is where DNS over HTTPS is by custom (RFC 8484 §4.1.1 has it in its example).
	defaultPath  = "/dns-query"
	maxSpec      = 2048
	maxBootstrap = 8
)

// accepted is what every refusal of ParseServer ends with.
const accepted = "write system, udp://192.0.2.1, tcp://192.0.2.1, tls://dns.example#192.0.2.1 or https://dns.example/dns-query#192.0.2.1"

// Server is one resolver to ask. The zero value is the machine's own.
type Server struct {
	scheme    string
	host      string // a name in lower case, or an address
	port      string
	path      string       // of https
	bootstrap []netip.Addr // of a host that is a name
}

// ParseServer reads a server as the configuration spells it:
//
//	system                                   what the machine uses
//	udp://192.0.2.1  tcp://[2001:db8::1]:53  plain DNS, port 53
//	tls://dns.example#192.0.2.1              DNS over TLS (RFC 7858), port 853
//	https://dns.example/dns-query#192.0.2.1  DNS over HTTPS (RFC 8484), port 443
//
// The fragment holds the addresses of a server with a name, with commas between
// them. Without it the machine's own resolver is asked for them.
func ParseServer(spec string) (Server, error) {
	if spec == schemeSystem {
		return Server{scheme: schemeSystem}, nil
	}
	s, err := parseURL(spec)
	if err != nil {
		return Server{}, fmt.Errorf("resolver %.100q: %w; %s", spec, err, accepted)
	}
	return s, nil
}

func parseURL(spec string) (Server, error) {
	if len(spec) > maxSpec {
		return Server{}, fmt.Errorf("it is longer than %d bytes", maxSpec)
	}
	u, err := url.Parse(spec)
	if err != nil {
		return Server{}, errors.New("it is no URL")
	}
	s := Server{scheme: u.Scheme, host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), path: u.EscapedPath()}
	switch {
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Opaque != "":
		return Server{}, errors.New("it has more than a scheme, a host, a port, a path and addresses")
	case s.host == "":
		return Server{}, errors.New("it has no host")
	}
	if s.port, err = portOf(u); err != nil {
		return Server{}, err
	}
	if s.bootstrap, err = parseBootstrap(u.Fragment); err != nil {
		return Server{}, err
	}
	return s.checked()
}

// portOf is the port to ask at: the one given, or the scheme's own.
func portOf(u *url.URL) (string, error) {
	own := map[string]string{schemeUDP: "53", schemeTCP: "53", schemeTLS: "853", schemeHTTPS: "443"}[u.Scheme]
	switch {
	case own == "":
		return "", fmt.Errorf("the scheme %q is not known", u.Scheme)
	case u.Port() == "":
		return own, nil
	}
	number, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("%q is no port", u.Port())
	}
	return strconv.FormatUint(number, 10), nil
}

func parseBootstrap(list string) ([]netip.Addr, error) {
	if list == "" {
		return nil, nil
	}
	var addresses []netip.Addr
	for text := range strings.SplitSeq(list, ",") {
		address, err := netip.ParseAddr(strings.TrimSpace(text))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q after the # is no IP address", text)
		case address.Zone() != "":
			return nil, fmt.Errorf("%q after the # has a zone", text)
		case len(addresses) == maxBootstrap:
			return nil, fmt.Errorf("there are more than %d addresses after the #", maxBootstrap)
		}
		addresses = append(addresses, address.Unmap())
	}
	return addresses, nil
}

// checked is the server once host, path and addresses fit its scheme.
func (s Server) checked() (Server, error) {
	literal, err := netip.ParseAddr(s.host)
	isAddress := err == nil
	encrypted := s.Encrypted()
	switch {
	case isAddress && literal.Zone() != "":
		return Server{}, fmt.Errorf("the address %q has a zone", s.host)
	case isAddress && len(s.bootstrap) > 0:
		return Server{}, errors.New("the host is an address already, so it takes none after the #")
	case !isAddress && !encrypted:
		return Server{}, fmt.Errorf("%q is no IP address, and %s has no certificate that would prove a name", s.host, s.scheme)
	case !isAddress && !isHostname(s.host):
		return Server{}, fmt.Errorf("%q is no host name in ASCII", s.host)
	case s.scheme != schemeHTTPS && s.path != "" && s.path != "/":
		return Server{}, fmt.Errorf("%s takes no path", s.scheme)
	}
	if isAddress {
		s.host = literal.Unmap().String()
	}
	switch {
	case s.scheme != schemeHTTPS:
		s.path = ""
	case s.path == "" || s.path == "/":
		s.path = defaultPath
	}
	return s, nil
}

// String is the server in the form that ParseServer reads.
func (s Server) String() string {
	if s.System() {
		return schemeSystem
	}
	text := s.scheme + "://" + net.JoinHostPort(s.host, s.port) + s.path
	if len(s.bootstrap) == 0 {
		return text
	}
	addresses := make([]string, len(s.bootstrap))
	for i, address := range s.bootstrap {
		addresses[i] = address.String()
	}
	return text + "#" + strings.Join(addresses, ",")
}

// System reports whether it is the machine's own resolver.
func (s Server) System() bool { return s.scheme == schemeSystem || s.scheme == "" }

// Encrypted reports whether nobody on the way can read or change what it says.
func (s Server) Encrypted() bool { return s.scheme == schemeTLS || s.scheme == schemeHTTPS }

// name is what people read: the server without its addresses. A path that is not the
// usual one is left out, since some services put the customer's secret there.
func (s Server) name() string {
	s.bootstrap = nil
	if s.path != "" && s.path != defaultPath {
		s.path = "/…"
	}
	return s.String()
}

// whose is how a sentence calls the resolver that an origin is looked up by.
func (s Server) whose() string {
	if s.System() {
		return "the system's resolver"
	}
	return s.name()
}

// addresses are where to connect, with the port, best first.
func (s Server) addresses() []string {
	if len(s.bootstrap) == 0 {
		return []string{net.JoinHostPort(s.host, s.port)}
	}
	list := make([]string, len(s.bootstrap))
	for i, address := range s.bootstrap {
		list[i] = net.JoinHostPort(address.String(), s.port)
	}
	return list
}

// isHostname reports whether a name, without its final dot, can be asked for:
// letters, digits, hyphens and underscores in labels that are not too long.
func isHostname(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	_, fits := dns.IsDomainName(name)
	return name != "" && fits && len(name) <= 253 && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".")
}
