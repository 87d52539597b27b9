package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// NameserverName is the name in the certificate of every [Nameserver].
const NameserverName = "dns.example"

// Nameserver is a DNS server on loopback that says of each name what it was
// told to: over UDP and TCP on one port, over TLS, and over HTTPS. Its methods
// may be called concurrently.
type Nameserver struct {
	// set when it starts, never changed
	plain, secure, web netip.AddrPort
	servers            []*dns.Server
	http               *http.Server
	running            sync.WaitGroup
	ended              chan struct{}

	mu    sync.Mutex // guards all that follows
	says  map[string]Saying
	asked map[string]int
	once  sync.Once
}

// StartNameserver starts a nameserver with a certificate of the lab's authority.
// It knows no name yet. Close it when done; the lab does not.
func (l *Lab) StartNameserver() (*Nameserver, error) {
	now := time.Now()
	certificate, err := l.authority.issue(NameserverName, now.Add(-24*time.Hour), now.Add(90*24*time.Hour))
	if err != nil {
		return nil, err
	}
	n := &Nameserver{ended: make(chan struct{}), says: make(map[string]Saying), asked: make(map[string]int)}
	if err := n.open(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start the nameserver: %w", err), n.Close())
	}
	return n, nil
}

// open opens the sockets and serves on them.
func (n *Nameserver) open(config *tls.Config) error {
	datagrams, streams, err := pair()
	if err != nil {
		return err
	}
	n.plain = addrPort(streams.Addr())
	n.serve(&dns.Server{PacketConn: datagrams})
	n.serve(&dns.Server{Listener: streams})
	secure, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.secure = addrPort(secure.Addr())
	n.serve(&dns.Server{Listener: tls.NewListener(secure, config)})
	web, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.web = addrPort(web.Addr())
	n.http = &http.Server{
		Handler: http.HandlerFunc(n.answerHTTP), TLSConfig: config,
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are what the lab is for
	}
	n.running.Go(func() { n.http.ServeTLS(web, "", "") })
	return nil
}

// pair opens one port for datagrams and for streams. The one that the system
// chooses for the first may be taken for the second, so it tries a few.
func pair() (net.PacketConn, net.Listener, error) {
	var lastErr error
	for range 20 {
		datagrams, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		streams, err := net.Listen("tcp4", datagrams.LocalAddr().String())
		if err == nil {
			return datagrams, streams, nil
		}
		lastErr = err
		datagrams.Close()
	}
	return nil, nil, lastErr
}

func addrPort(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

// serve runs a server and returns when it can be shut down.
func (n *Nameserver) serve(server *dns.Server) {
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	server.Handler = dns.HandlerFunc(n.answerDNS)
	// Questions of every kind are counted and answered, also those that the
	// library would refuse by itself.
	server.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	n.servers = append(n.servers, server)
	n.running.Go(func() { server.ActivateAndServe() })
	<-started
}

// UDP is the nameserver as a resolver's URL: udp://127.0.0.1:40123.
func (n *Nameserver) UDP() string { return "udp://" + n.plain.String() }

// TCP is the nameserver as a resolver's URL: tcp://127.0.0.1:40123.
func (n *Nameserver) TCP() string { return "tcp://" + n.plain.String() }

// TLS is the nameserver as a resolver's URL, with the address to connect to:
// tls://dns.example:40124#127.0.0.1.
func (n *Nameserver) TLS() string {
	return fmt.Sprintf("tls://%s:%d#%s", NameserverName, n.secure.Port(), n.secure.Addr())
}

// HTTPS is the nameserver as a resolver's URL, with the address to connect to:
// https://dns.example:40125/dns-query#127.0.0.1.
func (n *Nameserver) HTTPS() string {
	return fmt.Sprintf("https://%s:%d/dns-query#%s", NameserverName, n.web.Port(), n.web.Addr())
}

// Addr is where it answers over UDP and TCP.
func (n *Nameserver) Addr() netip.AddrPort { return n.plain }

// Say makes the nameserver say something of a name from now on. Of a name that
// it was told nothing of, it says that it does not exist.
func (n *Nameserver) Say(name string, saying Saying) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.says[dns.CanonicalName(name)] = saying
}

// Asked counts the questions about a name, of all types and over all transports.
func (n *Nameserver) Asked(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[dns.CanonicalName(name)]
}

// Close ends the nameserver and waits for all that it was answering. It may be
// called again.
func (n *Nameserver) Close() error {
	var errs []error
	n.once.Do(func() {
		close(n.ended)
		for _, server := range n.servers {
			errs = append(errs, server.ShutdownContext(context.Background()))
		}
		if n.http != nil {
			errs = append(errs, n.http.Close())
		}
	})
	n.running.Wait()
	return errors.Join(errs...)
}

// saying is what to say to a question, which is counted.
func (n *Nameserver) saying(question *dns.Msg) Saying {
	if len(question.Question) != 1 {
		return Saying{Manner: FormErr}
	}
	name := dns.CanonicalName(question.Question[0].Name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[name]++
	saying, known := n.says[name]
	if !known {
		return Saying{Manner: NXDomain}
	}
	return saying
}

// answerDNS answers over UDP, TCP and TLS. The lies that need somebody on the
// way are told over UDP alone.
func (n *Nameserver) answerDNS(w dns.ResponseWriter, question *dns.Msg) {
	saying := n.saying(question)
	_, datagram := w.RemoteAddr().(*net.UDPAddr)
	for i, message := range saying.messages(question, datagram) {
		if i > 0 && !n.pause(saying.Delay) {
			return
		}
		w.Write(message)
	}
	if !datagram && saying.Manner == Silent {
		<-n.ended // an answer that never comes, rather than the end of the connection
	}
}

// pause waits, and reports whether the nameserver is still there.
func (n *Nameserver) pause(long time.Duration) bool {
	select {
	case <-time.After(long):
		return true
	case <-n.ended:
		return false
	}
}

// answerHTTP answers over HTTPS (RFC 8484).
func (n *Nameserver) answerHTTP(w http.ResponseWriter, r *http.Request) {
	wire, err := io.ReadAll(http.MaxBytesReader(w, r.Body, dns.MaxMsgSize))
	question := new(dns.Msg)
	switch {
	case r.URL.Path != "/dns-query":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "only POST is spoken here", http.StatusMethodNotAllowed)
		return
	case err != nil || question.Unpack(wire) != nil || !strings.EqualFold(r.Header.Get("Content-Type"), "application/dns-message"):
		http.Error(w, "this is no DNS message", http.StatusBadRequest)
		return
	}
	messages := n.saying(question).messages(question, false)
	if len(messages) == 0 {
		select {
		case <-n.ended:
		case <-r.Context().Done():
		}
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	w.Write(messages[0])
}
