package probe

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// benchOrigin names the variable of the environment that makes the test's program an origin. A
// process of its own keeps the origin's CPU time out of what is measured.
const benchOrigin = "HELIOGRAPH_PROBE_BENCH_ORIGIN"

// serveBenchOrigin serves one page with the certificate and key that come in, until in ends. Where
// it listens, without TLS and with it, is written out.
func serveBenchOrigin(in io.Reader, out io.Writer) error {
	var certificate tls.Certificate
	lines := bufio.NewReader(in)
	var text strings.Builder
	for strings.Count(text.String(), "-----END") < 2 {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		text.WriteString(line)
	}
	certificate, err := tls.X509KeyPair([]byte(text.String()), []byte(text.String()))
	if err != nil {
		return err
	}
	body := article("Storm over the bay")
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, body)
	})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: page}
	var running sync.WaitGroup
	for _, l := range []net.Listener{plain, secure} {
		running.Go(func() { _ = server.Serve(l) })
	}
	fmt.Fprintln(out, plain.Addr(), secure.Addr())
	_, _ = io.Copy(io.Discard, lines)
	err = server.Close()
	running.Wait()
	return err
}
