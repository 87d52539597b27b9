package resolve

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heliograph-edge/heliograph/health/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	name = "www.gazette.example"

	long  = 30 * time.Second       // for what is going to come
	short = 250 * time.Millisecond // for what never comes
	// patient is how long the tests listen for another answer that comes at once.
	patient = time.Second
)

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

func ips(texts ...string) []netip.Addr {
	list := make([]netip.Addr, len(texts))
	for i, text := range texts {
		list[i] = ip(text)
	}
	return list
}

// Addresses of the tests, outside the reserved networks. Nothing connects to them.
var (
	right = ips("8.20.0.1", "2a00:1450::1")
	other = ips("9.30.0.1")
)

// startLab is a lab that ends with the test. Its origins are not used.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Start(lab.Options{Origins: []string{name}, Plain: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// startNameserver is a nameserver that says one thing of the name.
func startNameserver(t *testing.T, l *lab.Lab, says lab.Saying) *lab.Nameserver {
	t.Helper()
	n, err := l.StartNameserver()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	n.Say(name, says)
	return n
}

func server(t *testing.T, spec string) Server {
	t.Helper()
	s, err := ParseServer(spec)
	require.NoError(t, err)
	return s
}

// transports are the ways to ask a nameserver.
func transports(n *lab.Nameserver) map[string]string {
	return map[string]string{"udp": n.UDP(), "tcp": n.TCP(), "tls": n.TLS(), "https": n.HTTPS()}
}

// askOnce asks one nameserver about the name.
func askOnce(t *testing.T, r *Resolver, spec string) Answer {
	t.Helper()
	return r.asker().host(t.Context(), server(t, spec), name)
}
