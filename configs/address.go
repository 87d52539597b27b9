package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// parseURL reads an address in its one spelling: host in lower case, no port
// that the scheme has anyway, no lone slash as path. What else there is to say
// about it is [originProblem]'s business.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		problem := quote(text) + " has no https:// or http:// in front"
		if strings.Contains(text, "@") {
			// What is before it may be a password.
			problem = "has no https:// or http:// in front"
		}
		host, _, _ := strings.Cut(text, ":")
		if hostProblem(host) == "" && (strings.Contains(host, ".") || host == "localhost") {
			problem += fmt.Sprintf(" (did you mean %q?)", "https://"+text)
		}
		return nil, errors.New(problem)
	}
	u, err := url.Parse(text)
	if err != nil {
		if strings.Contains(text, "@") {
			// Even the error's part may be one of a password.
			return nil, errors.New("is not a URL")
		}
		// The error holds the whole URL.
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return nil, fmt.Errorf("is not a URL: %w", err)
	}
	u.Host = strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		u.Host = strings.TrimSuffix(u.Host, ":80")
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	u.Host = strings.TrimSuffix(u.Host, ":")
	if u.Path == "/" {
		u.Path = ""
	}
	return u, nil
}

// originProblem says why u cannot be the address of an origin or of a site,
// and is empty when it can.
func originProblem(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Sprintf("the scheme %s is not http or https", quote(u.Scheme))
	case u.User != nil:
		return "has a user name or password"
	case u.Hostname() == "":
		return "has no host"
	case u.Path != "":
		return "has the path " + quote(u.Path)
	case u.RawQuery != "" || u.ForceQuery:
		return "has a query"
	case u.Fragment != "":
		return "has a fragment"
	}
	if problem := portProblem(u.Port()); u.Port() != "" && problem != "" {
		return problem
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return ""
	}
	return hostProblem(u.Hostname())
}

// hostProblem says why host is not a DNS name in ASCII, and is empty when it
// is. Underscores are let through: inside networks, origins have them.
func hostProblem(host string) string {
	switch {
	case host == "":
		return "the host name is empty"
	case len(host) > 253:
		return "the host name is longer than 253 characters" // RFC 1035 section 2.3.4
	case strings.HasSuffix(host, "."):
		return fmt.Sprintf("the host name %s ends with a dot", quote(host))
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return quote(host) + " is not a host name"
		}
		for _, r := range label {
			if r > 0x7f {
				return fmt.Sprintf("the host name %s is not in ASCII: write its xn-- form", quote(host))
			}
			letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
			if !letter && (r < '0' || r > '9') && r != '-' && r != '_' {
				return quote(host) + " is not a host name"
			}
		}
	}
	return ""
}

// frontProblem says why a front, in lower case, is not the name of a host.
func frontProblem(front string) string {
	_, err := netip.ParseAddr(strings.Trim(front, "[]"))
	_, _, portErr := net.SplitHostPort(front)
	switch {
	case front == "":
		return "is empty"
	case strings.Contains(front, "://"):
		return quote(front) + " has a scheme"
	case strings.Contains(front, "/"):
		return quote(front) + " has a path"
	case strings.HasPrefix(front, "*."):
		return quote(front) + " is a wildcard, which fronts cannot be"
	case err == nil:
		return quote(front) + " is an IP address"
	case portErr == nil:
		return quote(front) + " has a port"
	default:
		return hostProblem(front)
	}
}

// listenProblem says why an address is not host:port.
func listenProblem(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return quote(address) + " is not host:port"
	}
	if problem := portProblem(port); problem != "" && port != "0" {
		return problem
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return ""
	}
	return hostProblem(host)
}

// adminProblem says why the admin listener may not have an address.
func adminProblem(address string) string {
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		return socketProblem(socket)
	}
	if problem := listenProblem(address); problem != "" {
		return problem
	}
	host, _, _ := net.SplitHostPort(address)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() || host == "localhost" {
		return ""
	}
	return "the admin listener has no authentication yet; use a loopback address or unix:/path"
}

func socketProblem(socket string) string {
	switch {
	case !path.IsAbs(socket):
		return quote(socket) + " is not an absolute path"
	case len(socket) > 107:
		// sun_path has 108 bytes on Linux, one of them for the final NUL.
		return "the path of the socket is longer than 107 bytes"
	default:
		return ""
	}
}

func portProblem(port string) string {
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return quote(port) + " is not a port from 1 to 65535"
	}
	return ""
}

func parseIP(text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, errors.New(quote(text) + " is not an IP address")
	}
	return ip.Unmap(), nil
}

// siteName makes a name for a site out of the address of its primary origin.
// What a name cannot hold becomes a hyphen; IPv6 addresses are written in full
// first, so that none begins with one.
func siteName(primary *url.URL) string {
	host := primary.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.WithZone("").StringExpanded()
	}
	return strings.Map(func(r rune) rune {
		if nameRune(r) {
			return r
		}
		return '-'
	}, host)
}

// siteNameProblem says why a name does not match [a-z0-9][a-z0-9.-]*.
func siteNameProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case name[0] == '-' || name[0] == '.':
		return fmt.Sprintf("%s begins with %q", quote(name), name[0])
	}
	for _, r := range name {
		if !nameRune(r) {
			return fmt.Sprintf("%s has the character %q", quote(name), r)
		}
	}
	return ""
}

func nameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-'
}
