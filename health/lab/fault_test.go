package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
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

func TestParseFaultListsWhatItWouldAccept(t *testing.T) {
	for _, name := range []string{"", "downn", "DOWN"} {
		_, err := ParseFault(name)
		for _, fault := range Faults() {
			require.ErrorContains(t, err, string(fault))
		}
	}
}

func TestParseFaultKnowsTheWordsPeopleUse(t *testing.T) {
	for word, want := range map[string]Fault{
		"500": Error500, "503": Error503, "wrong-certificate": WrongName, "wrong-cert": WrongName,
		"blockpage": BlockPage, "block page": BlockPage, "killed": Down, "parking": Parked,
	} {
		fault, err := ParseFault(word)
		require.NoError(t, err, word)
		require.Equal(t, want, fault, word)
		_, origin := primary(t, Options{})
		require.NoError(t, origin.Break(Fault(word)), word)
		require.Equal(t, want, origin.Fault(), word)
	}
	_, err := ParseFault("blockpages")
	require.ErrorContains(t, err, `no fault is named "blockpages": use one of down, blackhole, `)
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

func sightings() map[Fault]sighting {
	return map[Fault]sighting{
		Down:           failsWith(syscall.ECONNREFUSED),
		Blackhole:      failsWith(context.DeadlineExceeded),
		Reset:          isReset,
		ResetSNI:       isReset,
		TLSSilence:     failsSaying("TLS handshake timeout"),
		WrongName:      failsAs[x509.HostnameError](),
		UnknownCA:      failsAs[x509.UnknownAuthorityError](),
		Expired:        failsAs[x509.CertificateInvalidError](),
		PlainOnTLS:     failsSaying("server gave HTTP response to HTTPS client"),
		ResetRequest:   isReset,
		Garbage:        failsSaying("malformed HTTP"),
		EndlessHeaders: failsSaying("exceeded"),
		Error500:       answers(http.StatusInternalServerError, "500"),
		Error503:       answers(http.StatusServiceUnavailable, "503"),
		Slow:           isNewspaper,
		SlowBody:       isNewspaper,
		Truncate: func(t *testing.T, answer *http.Response, body string, err error) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.EqualValues(t, answer.ContentLength/2, len(body))
		},
		TruncateChunked: func(t *testing.T, answer *http.Response, body string, err error) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, []string{"chunked"}, answer.TransferEncoding)
			require.NotEmpty(t, body)
		},
		BlockPage: answers(http.StatusOK, "customers reach www.gazette.example."),
		Seized:    answers(http.StatusOK, "has been seized"),
		Parked:    answers(http.StatusOK, "may be for sale"),
		RedirectOff: func(t *testing.T, answer *http.Response, body string, err error) {
			require.NoError(t, err)
			require.Equal(t, http.StatusFound, answer.StatusCode)
			require.True(t, strings.HasPrefix(answer.Header.Get("Location"), "http://notice.provider.example/"))
		},
		// A client without patience, so that the stall is an error.
		Freeze: failsWith(context.DeadlineExceeded),
	}
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
	case Blackhole, Freeze:
		client.Timeout = 150 * time.Millisecond
	case TLSSilence:
		transport.TLSHandshakeTimeout = 150 * time.Millisecond
	}
	return client
}

func TestEveryFaultIsSeenAndMended(t *testing.T) {
	l, origin := primary(t, Options{Delay: time.Millisecond, Pause: time.Microsecond})
	for _, fault := range Faults() {
		t.Run(string(fault), func(t *testing.T) {
			see, known := sightings()[fault]
			require.True(t, known, "no sighting for this fault")
			client := clientFor(l, fault)

			require.NoError(t, origin.Break(fault))
			require.Equal(t, fault, origin.Fault())
			answer, body, err := fetch(t, client, origin.URL()+"/")
			see(t, answer, body, err)

			require.NoError(t, origin.Mend())
			require.Equal(t, NoFault, origin.Fault())
			requireNewspaper(t, clientFor(l, NoFault), origin)
		})
	}
}

func TestPlainOriginShowsEveryFaultBelowAndAboveTLS(t *testing.T) {
	l, origin := primary(t, Options{Plain: true, Delay: time.Millisecond, Pause: time.Microsecond})
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
			sightings()[fault](t, answer, body, err)
			require.NoError(t, origin.Mend())
			requireNewspaper(t, clientFor(l, NoFault), origin)
		})
	}
}

func TestEveryFaultFollowsEveryOtherWithoutAMendBetween(t *testing.T) {
	l, origin := primary(t, Options{Delay: time.Millisecond, Pause: time.Microsecond})
	for _, fault := range []Fault{Blackhole, Down, Seized, Down, Blackhole, Reset, Blackhole, Error503, WrongName, Truncate} {
		require.NoError(t, origin.Break(fault))
		answer, body, err := fetch(t, clientFor(l, fault), origin.URL()+"/")
		sightings()[fault](t, answer, body, err)
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
	require.NoError(t, origin.Break(Freeze))
	answer, err := l.Client().Get(origin.URL() + "/big?bytes=40000")
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
	require.EqualValues(t, 40000-freezeAfter, <-more)
}

func TestNoticesDoNotCarryTheMarkerAndEchoOnlyHostNames(t *testing.T) {
	for _, notice := range []string{blockPage, seizedPage, parkedPage} {
		require.NotEmpty(t, notice)
		require.NotContains(t, notice, Marker)
	}
	require.Equal(t, "scriptwww.gazette.example", hostOnly("<script>www.gazette.example:443"))
}
