package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseFaultReadsEveryName(t *testing.T) {
	for _, fault := range Faults() {
		parsed, err := ParseFault(string(fault))
		require.NoError(t, err)
		require.Equal(t, fault, parsed)
		require.NotEmpty(t, fault.Description())
	}
}

func TestEveryFaultHasAStageAndAWordOfItsOwn(t *testing.T) {
	words := map[string]Fault{}
	var staged []Fault
	for _, stage := range Stages() {
		staged = append(staged, FaultsAt(stage)...)
	}
	require.Equal(t, Faults(), staged, "the catalogue is in the order of the stages")
	for _, row := range catalogue {
		for _, word := range append([]string{string(row.fault)}, row.also...) {
			require.NotContains(t, words, word)
			words[word] = row.fault
		}
	}
}

func TestParseFaultListsWhatItWouldAccept(t *testing.T) {
	for _, name := range []string{"", "downn", "DOWN"} {
		_, err := ParseFault(name)
		for _, fault := range Faults() {
			require.ErrorContains(t, err, string(fault))
		}
	}
}

func TestParseFaultKnowsTheWordsPeopleUse(t *testing.T) {
	_, origin := primary(t, Options{})
	for word, want := range map[string]Fault{
		"500": Error500, "503": Error503, "wrong-certificate": WrongName, "wrong-cert": WrongName,
		"blockpage": BlockPage, "block page": BlockPage, "killed": Down, "parking": Parked, "tls_reset": TLSReset,
		"tls reset sni": ResetSNI, "alert": TLSAlert, "freeze16k": Freeze, "nxdomain": DNSNXDomain, "451": Legal451, "429": RateLimit,
	} {
		fault, err := ParseFault(word)
		require.NoError(t, err, word)
		require.Equal(t, want, fault, word)
		require.NoError(t, origin.Break(Fault(word)), word)
		require.Equal(t, want, origin.Fault(), word)
	}
	_, err := ParseFault("blockpages")
	require.ErrorContains(t, err, `no fault is named "blockpages": use one of dns-nxdomain, dns-empty, `)
	require.NotContains(t, err.Error(), "killed", "a thing has one name")
}

// sighting is what a plain client sees of a fault.
type sighting func(t *testing.T, answer *http.Response, body string, err error)

func failsWith(target error) sighting {
	return func(t *testing.T, _ *http.Response, _ string, err error) { require.ErrorIs(t, err, target) }
}

func failsSaying(text string) sighting {
	return func(t *testing.T, _ *http.Response, _ string, err error) { require.ErrorContains(t, err, text) }
}

func failsAs[E error]() sighting {
	return func(t *testing.T, _ *http.Response, _ string, err error) {
		var target E
		require.ErrorAs(t, err, &target)
	}
}

// isReset allows for two errors: the RST can overtake what the client writes first, which then fails
// with EPIPE instead of ECONNRESET.
func isReset(t *testing.T, _ *http.Response, _ string, err error) {
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
}

func answers(status int, text string) sighting {
	return func(t *testing.T, answer *http.Response, body string, err error) {
		require.NoError(t, err)
		require.Equal(t, status, answer.StatusCode)
		require.Contains(t, body, text)
		require.NotContains(t, body, Marker)
	}
}

func isNewspaper(t *testing.T, answer *http.Response, body string, err error) {
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, body, Marker)
}

// clientFor waits without end, except where waiting is what the fault is about.
func clientFor(l *Lab, fault Fault) *http.Client {
	transport := &http.Transport{
		DialContext:       l.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: l.CA()},
		DisableKeepAlives: true,
		// Lengths are compared below, and a coding that the client takes off hides them.
		DisableCompression: true,
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	switch fault {
	case Blackhole, Freeze, Silence, EndlessBody:
		client.Timeout = 150 * time.Millisecond
	case TLSSilence, SilenceSNI:
		transport.TLSHandshakeTimeout = 150 * time.Millisecond
	}
	return client
}

// brisk are options under which no fault takes long.
func brisk() Options {
	return Options{Delay: time.Millisecond, Pause: time.Microsecond, Rate: 1 << 30, Turn: time.Hour}
}

// startEdge is something at the edge's place, which the lab is told of. It says which name it
// was asked for.
func startEdge(t *testing.T, l *Lab) {
	t.Helper()
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusLoopDetected)
		fmt.Fprint(w, "this is the edge, asked for "+r.Host+" with "+r.Header.Get("Cdn-Loop"))
	}))
	t.Cleanup(edge.Close)
	require.NoError(t, l.SetEdge(edge.URL))
}

func TestEveryFaultIsSeenAndMended(t *testing.T) {
	l, origin := primary(t, brisk())
	startEdge(t, l)
	for _, fault := range Faults() {
		t.Run(string(fault), func(t *testing.T) {
			see := seenUnder(t, fault)
			require.NoError(t, origin.Break(fault))
			require.Equal(t, fault, origin.Fault())
			answer, body, err := fetch(t, clientFor(l, fault), origin.URL()+"/")
			see(t, answer, body, err)

			require.NoError(t, origin.Mend())
			require.Equal(t, NoFault, origin.Fault())
			requireNewspaper(t, clientFor(l, NoFault), origin)
		})
	}
}

func TestPlainOriginShowsEveryFaultBelowAndAboveTLS(t *testing.T) {
	options := brisk()
	options.Plain = true
	l, origin := primary(t, options)
	startEdge(t, l)
	for _, fault := range Faults() {
		t.Run(string(fault), func(t *testing.T) {
			err := origin.Break(fault)
			if fault.NeedsTLS() {
				require.ErrorContains(t, err, "has no TLS")
				require.Equal(t, NoFault, origin.Fault())
				return
			}
			require.NoError(t, err)
			answer, body, err := fetch(t, clientFor(l, fault), origin.URL()+"/")
			seenUnder(t, fault)(t, answer, body, err)
			require.NoError(t, origin.Mend())
			requireNewspaper(t, clientFor(l, NoFault), origin)
		})
	}
}

func TestEveryFaultFollowsEveryOtherWithoutAMendBetween(t *testing.T) {
	l, origin := primary(t, brisk())
	for _, fault := range []Fault{Blackhole, Down, DNSOneDead, Seized, Down, Blackhole, Reset, Blackhole, Error503, WrongName, Truncate} {
		require.NoError(t, origin.Break(fault))
		answer, body, err := fetch(t, clientFor(l, fault), origin.URL()+"/")
		seenUnder(t, fault)(t, answer, body, err)
	}
}

func TestBlackholeLosesTheConnectionAttemptItself(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(Blackhole))
	var connected bool
	trace := &httptrace.ClientTrace{ConnectDone: func(_, _ string, err error) { connected = err == nil }}
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(t.Context(), trace), 150*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin.URL(), nil)
	require.NoError(t, err)
	_, err = clientFor(l, NoFault).Do(request)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, connected)
	require.Zero(t, origin.Connections())
}

func TestResetSNILetsTheConnectionStandUntilTheClientHello(t *testing.T) {
	_, origin := primary(t, Options{})
	require.NoError(t, origin.Break(ResetSNI))
	conn, err := net.Dial("tcp", origin.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte{22, 3, 1}) // the first bytes of a record, not yet a ClientHello
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestPlainOnTLSDeliversTheWholePage(t *testing.T) {
	_, origin := primary(t, Options{})
	require.NoError(t, origin.Break(PlainOnTLS))
	conn, err := net.Dial("tcp", origin.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	// More than any ClientHello, so that some of it is unread when the page goes out.
	_, err = conn.Write(make([]byte, 8<<10))
	require.NoError(t, err)
	page, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(page), "HTTP/1.1 403 Forbidden\r\n"))
	require.True(t, strings.HasSuffix(string(page), "</html>\n"))
}

func TestFreezeStopsAfter16KiBAndGoesOnWhenMended(t *testing.T) {
	l, origin := primary(t, Options{})
	for path, size := range map[string]int{"/big?bytes=40000": 40000, LongPath: ask(http.MethodGet, LongPath, nil).Body.Len()} {
		require.NoError(t, origin.Break(Freeze))
		// The client asks for gzip, in which the page would be over before.
		answer, err := l.Client().Get(origin.URL() + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		_, err = io.CopyN(io.Discard, answer.Body, freezeAfter)
		require.NoError(t, err)

		more := make(chan int64, 1)
		go func() {
			n, _ := io.Copy(io.Discard, answer.Body)
			more <- n
		}()
		select {
		case n := <-more:
			require.Fail(t, "the body did not stop", "%d more bytes", n)
		case <-time.After(20 * time.Millisecond):
		}
		require.NoError(t, origin.Mend())
		require.Greater(t, <-more, int64(size-freezeAfter-1000), "the host names in a page have not all the same length")
	}
}

func TestNoticesDoNotCarryTheMarkerAndEchoOnlyHostNames(t *testing.T) {
	for _, notice := range []string{blockPage, unknownPage, seizedPage, parkedPage, freshPage, forbiddenPage, challengePage, legalPage} {
		require.NotEmpty(t, notice)
		require.NotContains(t, notice, Marker)
	}
	require.Equal(t, "scriptwww.gazette.example", hostOnly("<script>www.gazette.example:443"))
}
