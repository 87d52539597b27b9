package dial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/proxy"

	"github.com/heliograph-edge/heliograph/health"
)

// maxConnectHeader bounds a proxy's answer to CONNECT.
const maxConnectHeader = 16 << 10

// maxSecret is how long a user and a password may be, RFC 1929 §2.
const maxSecret = 255

// acceptedVia is what every refusal of ParseVia ends with.
const acceptedVia = "write socks5://127.0.0.1:1080 or http://127.0.0.1:3128, with user:password@ before the host where the proxy asks for it"

// Via is a proxy that connections to an origin go through. The zero value is none:
// connections are direct.
type Via struct {
	scheme  string        // socks5, http
	address string        // host and port
	as      *url.Userinfo // nil without credentials; a pointer, which fmt does not follow inside other values
}

// ParseVia reads socks5://host:port (RFC 1928; the password of RFC 1929) or
// http://host:port (CONNECT, RFC 9110 §9.3.6). Empty text is the zero Via.
func ParseVia(text string) (Via, error) {
	if text == "" {
		return Via{}, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Via{}, fmt.Errorf("it is no URL; %s", acceptedVia)
	case u.Scheme != "socks5" && u.Scheme != "http":
		return Via{}, fmt.Errorf("the scheme %q is not known; %s", u.Scheme, acceptedVia)
	case u.Hostname() == "" || u.Port() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Via{}, fmt.Errorf("it must have a host and a port and nothing else; %s", acceptedVia)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return Via{}, fmt.Errorf("%q is no port; %s", u.Port(), acceptedVia)
	}
	v := Via{scheme: u.Scheme, address: u.Host, as: u.User}
	user, password := v.credentials()
	if u.User != nil && (user == "" || v.scheme == "http" && strings.Contains(user, ":") || len(user) > maxSecret || len(password) > maxSecret) {
		return Via{}, fmt.Errorf("a user has 1 to %d bytes and no colon, and a password %d at most; %s", maxSecret, maxSecret, acceptedVia)
	}
	return v, nil
}

// Direct reports whether there is no proxy.
func (v Via) Direct() bool { return v.scheme == "" }

// String is the proxy as people may read it, without its password.
func (v Via) String() string {
	if v.Direct() {
		return ""
	}
	u := url.URL{Scheme: v.scheme, Host: v.address}
	if v.as != nil {
		u.User = url.User(v.as.Username())
	}
	return u.String()
}

// Key is equal for two that are the same, credentials included. It is not to be printed.
func (v Via) Key() string {
	user, password := v.credentials()
	return strings.Join([]string{v.scheme, v.address, user, password}, "\x00")
}

// Format keeps the password out of every verb of package fmt.
func (v Via) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// credentials are what the proxy asks for; empty where it asks for none.
func (v Via) credentials() (user, password string) {
	if v.as == nil {
		return "", ""
	}
	password, _ = v.as.Password()
	return v.as.Username(), password
}

// DialContext connects to a host and port, through the proxy if there is one. A host
// that is a name is then resolved by the proxy. It has until ctx ends.
func (v Via) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	direct := &net.Dialer{KeepAlive: 30 * time.Second}
	switch v.scheme {
	case "":
		return direct.DialContext(ctx, network, address)
	case "socks5":
		return v.socks(ctx, direct, network, address)
	}
	return v.connect(ctx, direct, network, address)
}

func (v Via) socks(ctx context.Context, direct *net.Dialer, network, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if v.as != nil {
		user, password := v.credentials()
		auth = &proxy.Auth{User: user, Password: password}
	}
	d, err := proxy.SOCKS5("tcp", v.address, auth, direct)
	if err != nil {
		return nil, v.failed(err)
	}
	conn, err := d.(proxy.ContextDialer).DialContext(ctx, network, address)
	switch cause := ctx.Err(); {
	case err == nil:
		return conn, nil
	case cause != nil: // the library has a time-out of its socket for it
		return nil, v.failed(cause)
	}
	return nil, v.answered(err)
}

// answered tells the proxy's failures from those of the origin that it reports. The
// library has only RFC 1928 §6's words for the latter.
func (v Via) answered(err error) error {
	text := err.Error()
	for words, number := range map[string]error{
		"connection refused":  syscall.ECONNREFUSED,
		"host unreachable":    syscall.EHOSTUNREACH,
		"network unreachable": syscall.ENETUNREACH,
		"TTL expired":         syscall.EHOSTUNREACH,
	} {
		if strings.Contains(text, "unknown error "+words) {
			return &net.OpError{Op: "socks connect", Net: "tcp", Err: fmt.Errorf("says %s: %w", v, number)}
		}
	}
	return v.failed(err)
}

// failed is an error of the proxy itself.
func (v Via) failed(err error) error {
	return fmt.Errorf("%w (%s): %w", health.ErrViaFailed, v, err)
}

// connect asks an HTTP proxy for a tunnel.
func (v Via) connect(ctx context.Context, direct *net.Dialer, network, address string) (net.Conn, error) {
	conn, err := direct.DialContext(ctx, network, v.address)
	if err != nil {
		return nil, v.failed(err)
	}
	// The past: whatever is being read or written returns at once.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := v.tunnel(conn, address)
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		if !errors.Is(err, errReported) {
			err = v.failed(err)
		}
		return nil, errors.Join(err, closing(conn))
	}
	return tunnel, nil
}

// closing closes a connection that is of no use. That the other side was quicker is
// no error worth telling.
func closing(c net.Conn) error {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// tunnel sends CONNECT and reads the answer.
func (v Via) tunnel(conn net.Conn, address string) (net.Conn, error) {
	r := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address,
		Header: http.Header{"User-Agent": nil}, // or net/http would add its own
	}
	if v.as != nil {
		user, password := v.credentials()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(&io.LimitedReader{R: conn, N: maxConnectHeader})
	answer, err := http.ReadResponse(reader, r) //nolint:bodyclose // what follows is the tunnel, and ends with the connection
	switch {
	case errors.As(err, new(net.Error)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err
	case err != nil:
		return nil, errNoHTTP
	case answer.StatusCode/100 != 2:
		return nil, v.refused(answer.StatusCode)
	}
	if left := reader.Buffered(); left > 0 {
		first, err := reader.Peek(left)
		if err != nil {
			return nil, err
		}
		return PutBack(conn, bytes.Clone(first)), nil
	}
	return conn, nil
}

// errNoHTTP stands for the words of package http, which quote the answer: a proxy may have put
// the credentials there.
var errNoHTTP = errors.New("its answer to CONNECT is no HTTP")

// errReported marks what a proxy tells of the origin.
var errReported = errors.New("it could not connect")

// refused tells a proxy's refusal from its word that the origin cannot be connected to:
// 502 and 504, and 503, with which Squid says the same.
func (v Via) refused(status int) error {
	refusal := fmt.Errorf("it answers CONNECT with %d %s", status, http.StatusText(status))
	var why error
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		why = syscall.EHOSTUNREACH
	case http.StatusGatewayTimeout:
		why = context.DeadlineExceeded
	default:
		return refusal
	}
	return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: fmt.Errorf("%w, says %s: %w: %w", errReported, v, refusal, why)}
}

// isName reports whether the host of host and port is a name rather than an address.
func isName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil
}
