package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// endsUnnoticed is what §6.3 of RFC 9112 makes of a body without a length: nothing is amiss.
func endsUnnoticed(t *testing.T, answer *http.Response, body string, err error) {
	require.NoError(t, err)
	require.EqualValues(t, -1, answer.ContentLength)
	require.Empty(t, answer.TransferEncoding)
	require.Contains(t, body, Marker)
	require.NotContains(t, body, "</html>")
}

func isHalfOfAGzip(t *testing.T, answer *http.Response, body string, err error) {
	require.NoError(t, err, "the body has the length that is declared")
	require.EqualValues(t, answer.ContentLength, len(body))
	require.Equal(t, "gzip", answer.Header.Get("Content-Encoding"))
	r, err := gzip.NewReader(strings.NewReader(body))
	require.NoError(t, err)
	page, err := io.ReadAll(r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotContains(t, string(page), "</html>")
}

func isABomb(t *testing.T, answer *http.Response, body string, err error) {
	require.NoError(t, err)
	require.Equal(t, "gzip", answer.Header.Get("Content-Encoding"))
	require.Less(t, len(body), 2<<20)
	r, err := gzip.NewReader(strings.NewReader(body))
	require.NoError(t, err)
	// The whole would take a machine seconds.
	begin, err := io.ReadAll(io.LimitReader(r, 4<<20))
	require.NoError(t, err)
	require.Len(t, begin, 4<<20)
	require.True(t, bytes.Contains(begin, []byte(Marker)))
}

func redirectsTo(location string) sighting {
	return func(t *testing.T, answer *http.Response, _ string, err error) {
		require.NoError(t, err)
		require.Equal(t, http.StatusFound, answer.StatusCode)
		require.Regexp(t, location, answer.Header.Get("Location"))
	}
}

func answersWith(status int, field, value string) sighting {
	return func(t *testing.T, answer *http.Response, body string, err error) {
		answers(status, "")(t, answer, body, err)
		require.Equal(t, value, answer.Header.Get(field))
	}
}

// seenUnder is what a plain client sees at the origin's address. Of a name that lies it
// sees nothing there.
func seenUnder(t *testing.T, fault Fault) sighting {
	t.Helper()
	if fault.Stage() == StageResolve {
		return isNewspaper
	}
	see, known := sightings()[fault]
	require.True(t, known, "no sighting for this fault")
	return see
}

func sightings() map[Fault]sighting {
	return map[Fault]sighting{
		Flap:             isReset,
		Residual:         isReset,
		TLSReset:         isReset,
		TLSEOF:           failsWith(io.EOF),
		EOFSNI:           failsWith(io.EOF),
		TLSAlert:         failsSaying("remote error: tls: handshake failure"),
		SilenceSNI:       failsSaying("TLS handshake timeout"),
		FloodHandshake:   failsSaying("exceeds maximum"),
		EOFRequest:       failsWith(io.EOF),
		Silence:          failsWith(context.DeadlineExceeded),
		Loop:             answers(http.StatusLoopDetected, "this is the edge, asked for www.gazette.example:"),
		Denied:           answers(http.StatusForbidden, "403"),
		Bot403:           answers(http.StatusForbidden, "403"),
		Challenge:        answersWith(http.StatusForbidden, "Cf-Mitigated", "challenge"),
		RateLimit:        answersWith(http.StatusTooManyRequests, "Retry-After", "30"),
		Legal451:         answersWith(http.StatusUnavailableForLegalReasons, "Link", `<https://authority.example>; rel="blocked-by"`),
		RedirectLoop:     redirectsTo(`^https?://www\.gazette\.example:\d+/\?again=1$`),
		RedirectChain:    redirectsTo(`^https?://www\.gazette\.example:\d+/\?hop=1$`),
		RedirectBroken:   redirectsTo(`^https:///access-denied$`),
		RedirectScheme:   isNewspaper, // to a client that comes with TLS
		RedirectApex:     redirectsTo(`^https?://gazette\.example:\d+/$`),
		RedirectLocale:   redirectsTo(`^/en/$`),
		Throttle:         isNewspaper,
		ResetBody:        isReset,
		TruncateClose:    endsUnnoticed,
		TruncateGzip:     isHalfOfAGzip,
		H2Reset:          isNewspaper, // to a client of HTTP/1.1
		EndlessBody:      failsWith(context.DeadlineExceeded),
		GzipBomb:         isABomb,
		BlockPageUnknown: answers(http.StatusOK, "has been put aside"),
		FreshServer:      answers(http.StatusOK, "Welcome to nginx!"),
		Empty200:         answers(http.StatusOK, ""),
		ScriptAsHTML:     isNewspaper,
		Redesign:         isNewspaper,
		CopySite:         isNewspaper,
		CanaryStale:      isNewspaper,
		CanaryOtherKey:   isNewspaper,
		CanaryRollback:   isNewspaper,

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
