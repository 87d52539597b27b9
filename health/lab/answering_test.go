package lab

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health/canary"
)

// browser is what a browser calls itself.
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

func TestBotsAreDeniedAndBrowsersAreNot(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(Bot403))
	answer, body, err := fetch(t, clientFor(l, NoFault), origin.URL()+"/", "User-Agent", browser)
	isNewspaper(t, answer, body, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, origin.URL()+"/", nil)
	require.NoError(t, err)
	request.Header.Set("User-Agent", browser)
	answer, err = clientFor(l, NoFault).Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}

// follow goes where a redirect leads, at most so many times, and says how often that was.
func follow(t *testing.T, l *Lab, url string, most int) (hops int, answer *http.Response, body string) {
	t.Helper()
	client := clientFor(l, NoFault)
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		hops = len(via)
		if hops > most {
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer, body, err := fetch(t, client, url)
	require.NoError(t, err)
	return hops, answer, body
}

func TestSoundRedirectsLeadToThePaperAndTheOthersDoNot(t *testing.T) {
	l, origin := primary(t, Options{})
	for _, test := range []struct {
		fault  Fault
		hops   int
		status int
		at     string
	}{
		{RedirectApex, 1, http.StatusOK, "https://gazette.example:"},
		{RedirectLocale, 1, http.StatusOK, "/en/news"},
		{RedirectChain, chain, http.StatusOK, "/news?hop=12"},
		{RedirectLoop, 21, http.StatusFound, "/news"},
	} {
		require.NoError(t, origin.Break(test.fault))
		hops, answer, _ := follow(t, l, origin.URL()+"/news", 20)
		require.Equal(t, test.hops, hops, test.fault)
		require.Equal(t, test.status, answer.StatusCode, test.fault)
		require.Contains(t, answer.Request.URL.String(), test.at, test.fault)
	}
	require.Greater(t, chain, 10, "as many as browsers follow")
}

func TestPlainHTTPOnTheTLSPortIsRedirectedToHTTPS(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(RedirectScheme))
	hops, answer, body := follow(t, l, strings.Replace(origin.URL(), "https:", "http:", 1)+"/news?page=1", 5)
	require.Equal(t, 1, hops)
	require.Equal(t, origin.URL()+"/news?page=1", answer.Request.URL.String())
	isNewspaper(t, answer, body, nil)
}

func TestAssetsAreReplacedAndPagesAreNot(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(ScriptAsHTML))
	for _, path := range []string{"/assets/gazette.js", "/assets/gazette.css"} {
		answer, body, err := fetch(t, l.Client(), origin.URL()+path)
		answers(http.StatusOK, "customers reach www.gazette.example.")(t, answer, body, err)
		require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
	}
	answer, body, err := fetch(t, l.Client(), origin.URL()+"/assets/pier.svg")
	require.NoError(t, err)
	require.Equal(t, "image/svg+xml", answer.Header.Get("Content-Type"))
	require.NotContains(t, body, "customers")
}

func TestAFreshServerHasAWelcomeAndNothingElse(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(FreshServer))
	answer, _, err := fetch(t, l.Client(), origin.URL()+"/news")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
}

func TestARedesignHasAnotherTitleThreeTimesTheLengthAndAGoodCanary(t *testing.T) {
	l, origin := primary(t, Options{})
	_, before, err := fetch(t, l.Client(), origin.URL()+"/")
	require.NoError(t, err)
	require.NoError(t, origin.Break(Redesign))
	_, after, err := fetch(t, l.Client(), origin.URL()+"/")
	require.NoError(t, err)
	require.Greater(t, len(after), 3*len(before))
	require.Contains(t, after, "<title>Gazette Daily |")
	require.True(t, strings.HasSuffix(after, "</html>\n"))
	require.NoError(t, verifyCanary(t, l, origin, canary.Newest{}))
	answer, _, err := fetch(t, l.Client(), origin.URL()+"/nosuch")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
}

// verifyCanary is what the origin's canary is worth to somebody who has seen another.
func verifyCanary(t *testing.T, l *Lab, origin *Origin, newest canary.Newest) error {
	t.Helper()
	answer, text, err := fetch(t, l.Client(), origin.URL()+canary.Path)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	_, err = canary.Verify(text, l.CanaryKey(), canary.Expect{Site: Site, Now: time.Now(), Newest: newest})
	return err
}

func TestACopyHasAForeignScriptAndAnOldCanary(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(CopySite))
	answer, page, err := fetch(t, l.Client(), origin.URL()+"/")
	isNewspaper(t, answer, page, err)
	require.Contains(t, page, foreignScript+"\n</body>")
	require.Error(t, verifyCanary(t, l, origin, canary.Newest{}))
}

func TestHTTP2StreamsAreResetAndHTTP1IsWell(t *testing.T) {
	l, origin := primary(t, Options{})
	require.NoError(t, origin.Break(H2Reset))
	client := clientFor(l, NoFault)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	answer, err := client.Get(origin.URL() + LongPath)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 2, answer.ProtoMajor)
	_, err = io.ReadAll(answer.Body)
	require.ErrorContains(t, err, "stream error")
	isNewspaperAt(t, l, origin, LongPath)
}

// isNewspaperAt checks a page over HTTP/1.1.
func isNewspaperAt(t *testing.T, l *Lab, origin *Origin, path string) {
	t.Helper()
	answer, body, err := fetch(t, clientFor(l, NoFault), origin.URL()+path)
	isNewspaper(t, answer, body, err)
	require.Equal(t, 1, answer.ProtoMajor)
}

func TestTheQuotingArticleQuotesWhatNoticesSayAndIsTheNewspapers(t *testing.T) {
	answer := ask(http.MethodGet, QuotingPath, nil)
	require.Equal(t, http.StatusOK, answer.Code)
	for _, quoted := range []string{Marker, "10.10.34.34", "zablokowany", "Access to this site has been blocked", "This domain has been seized"} {
		require.Contains(t, answer.Body.String(), quoted)
	}
}

func TestEveryOriginHasTheSameCanaryAndTheFaultsHaveOthers(t *testing.T) {
	l := startLab(t, Options{})
	for _, origin := range l.Origins() {
		require.NoError(t, verifyCanary(t, l, origin, canary.Newest{}), origin.Name())
	}
	origin := l.Origins()[0]
	good, err := canary.Parse(l.proofs.good)
	require.NoError(t, err)
	seen := canary.Newest{Sequence: good.Sequence, Issued: good.Issued, Expires: good.Expires}
	for fault, reason := range map[Fault]canary.Reason{
		CanaryStale: canary.Expired, CanaryOtherKey: canary.BadSignature, CanaryRollback: canary.Rollback, CopySite: canary.Expired,
	} {
		require.NoError(t, origin.Break(fault))
		var refusal *canary.Refusal
		require.ErrorAs(t, verifyCanary(t, l, origin, seen), &refusal, fault)
		require.Equal(t, reason, refusal.Reason, fault)
		isNewspaperAt(t, l, origin, "/")
	}
}
