package lab

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
)

// answer answers under the faults that act before a page begins.
func (s *spell) answer(w http.ResponseWriter, r *http.Request) {
	switch s.fault {
	case ResetRequest:
		reset(takeOver(w))
	case EOFRequest:
		takeOver(w).Close()
	case Silence:
		s.hold(r.Context())
		s.publish(w, r)
	case Slow:
		s.wait(r.Context(), s.delay)
		s.publish(w, r)
	case Garbage:
		sendGarbage(w)
	case EndlessHeaders:
		sendEndlessHeaders(w)
	case Loop:
		s.forward(w, r)
	case RedirectOff, RedirectLoop, RedirectChain, RedirectBroken, RedirectScheme, RedirectApex, RedirectLocale:
		s.redirect(w, r)
	default:
		s.refuse(w, r)
	}
}

// refuse answers under the faults that are a status other than 200.
func (s *spell) refuse(w http.ResponseWriter, r *http.Request) {
	switch s.fault {
	case Error500:
		http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
	case Error503:
		http.Error(w, "503 Service Unavailable", http.StatusServiceUnavailable)
	case Denied:
		sendNotice(w, http.StatusForbidden, "", forbiddenPage)
	case Bot403:
		if r.Method == http.MethodHead || !strings.Contains(r.UserAgent(), "Mozilla/5.0") {
			sendNotice(w, http.StatusForbidden, "", forbiddenPage)
			return
		}
		s.publish(w, r)
	case Challenge:
		w.Header().Set("Cf-Mitigated", "challenge")
		sendNotice(w, http.StatusForbidden, "private, no-store", strings.ReplaceAll(challengePage, "{{host}}", hostOnly(r.Host)))
	case RateLimit:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "429 Too Many Requests", http.StatusTooManyRequests)
	case Legal451:
		// RFC 7725 §4: the link names who blocks, not who demands it.
		w.Header().Set("Link", `<https://authority.example>; rel="blocked-by"`)
		sendNotice(w, http.StatusUnavailableForLegalReasons, "", legalPage)
	}
}

// forward sends the request back to the edge under the name that it came with, as
// happens where the name leads to the edge.
func (s *spell) forward(w http.ResponseWriter, r *http.Request) {
	edge := s.edge()
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(edge)
			p.Out.Host = p.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(w, r)
}

// takeOver takes the connection from the HTTP server. Without one that can be
// taken it ends the request.
func takeOver(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort()
	}
	return conn
}

// sendGarbage greets like a mail server. The reader being gone is no error of ours.
func sendGarbage(w http.ResponseWriter) {
	conn := takeOver(w)
	defer conn.Close()
	_, _ = conn.Write([]byte("220 harbour-office.example ready, state your business\r\n"))
}

// sendEndlessHeaders writes field lines until nobody reads them, or the end of
// the spell closes the connection.
func sendEndlessHeaders(w http.ResponseWriter) {
	var lines bytes.Buffer
	for lines.Len() < 16<<10 {
		fmt.Fprintf(&lines, "X-Tide-%d: high water in the afternoon, low water at dusk\r\n", lines.Len())
	}
	conn := takeOver(w)
	defer conn.Close()
	_, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"))
	for err == nil {
		_, err = conn.Write(lines.Bytes())
	}
}
