package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/proxy/console"
)

// shelf is an edge with a few pages stored, and the origin that they are from.
type shelf struct {
	*station
	t      *testing.T
	origin *httptest.Server
}

// newShelf starts an edge, and has it store pages.
func newShelf(t *testing.T, paths ...string) *shelf {
	t.Helper()
	s := &shelf{t: t}
	s.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Cache-Tag", "all, "+strings.Trim(r.URL.Path, "/"))
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<title>Gazette</title><p>%s</p>", r.URL.Path)
	}))
	t.Cleanup(s.origin.Close)
	s.station = startStation(t, t.TempDir(), "  - {name: gazette, origins: [\""+s.origin.URL+"\"]}\n")
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.halt()
	})
	for _, path := range paths {
		answer, _ := s.get(t, path)
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	require.Eventually(t, func() bool { return s.cache.Usage().Pages == len(paths) }, 30*time.Second, time.Millisecond)
	return s
}

// command runs a command against the edge.
func (s *shelf) command(in string, args ...string) (said, noted string, err error) {
	s.t.Helper()
	var out, notes bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetErr(&notes)
	root.SetIn(strings.NewReader(in))
	root.SetArgs(append(args, "--admin", s.Addr("admin").String()))
	err = root.ExecuteContext(s.t.Context())
	return out.String(), notes.String(), err
}

func TestPurgeTellsWhatBecameOfEachURL(t *testing.T) {
	s := newShelf(t, "/", "/news/1", "/news/2")
	said, _, err := s.command("", "purge", "/news/1", s.origin.URL+"/", "/nothing")
	require.NoError(t, err)
	lines := strings.Split(said, "\n")
	require.Regexp(t, `^PURGED +MODE +PAGES +SIZE +STATE$`, lines[0])
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/news/1 +hard +1 +\d.*B +done$`, lines[1])
	require.Regexp(t, `/ +hard +1 +\d.*B +done$`, lines[2])
	require.Regexp(t, `/nothing +hard +0 +0 B +done$`, lines[3])
	require.Equal(t, 1, s.cache.Usage().Pages)

	said, _, err = s.command("", "purge", "/nothing")
	require.NoError(t, err)
	require.Contains(t, said, "Nothing stored matched")
	require.Eventually(t, func() bool { return strings.Count(s.log.String(), `"msg":"purged"`) == 4 }, 30*time.Second, 10*time.Millisecond, "each is logged")
	require.Regexp(t, `"msg":"purged","id":1,"by":"url","what":"http://127\.0\.0\.1:\d+/news/1","mode":"hard","pages":1,"bytes":\d+,"took":`, s.log.String())
}

func TestPurgeGoesOnAfterAnOrderThatIsRefused(t *testing.T) {
	s := newShelf(t, "/")
	said, _, err := s.command("", "purge", "ftp://gazette.example/", "/")
	var quiet *quietError
	require.ErrorAs(t, err, &quiet, "exit 1, and the table has said why")
	require.Contains(t, said, "failed: \"ftp://gazette.example/\" is neither a URL")
	require.Zero(t, s.cache.Usage().Pages, "the other one is carried out")
}

func TestPurgeByTagWaitsWhereThatIsWanted(t *testing.T) {
	s := newShelf(t, "/", "/news/1", "/news/2")
	said, _, err := s.command("", "purge", "--tag", "news/1", "--tag", "news/2", "--wait", "--soft", "--json")
	require.NoError(t, err)
	var result struct{ Purges []purged }
	require.NoError(t, json.Unmarshal([]byte(said), &result))
	require.Len(t, result.Purges, 2)
	for i, p := range result.Purges {
		require.Equal(t, fmt.Sprintf("news/%d", i+1), p.Order.Tag)
		require.Equal(t, console.PurgeDone, p.Purge.State)
		require.Equal(t, "soft", p.Purge.Mode)
		require.EqualValues(t, 1, p.Purge.Matched)
	}
	require.Equal(t, 3, s.cache.Usage().Pages)

	said, _, err = s.command("", "purge", "--prefix", "/news/", "--dry-run")
	require.NoError(t, err)
	require.Regexp(t, `prefix /news/ of all sites +hard +2 +\S+ \S+ +dry run\nNothing was done`, said)

	said, _, err = s.command("", "purge", "--site", "gazette", "--yes")
	require.NoError(t, err)
	require.Contains(t, said, "all of gazette")
	answer, _ := s.get(t, "/")
	require.Contains(t, answer.Header.Get("Cache-Status"), "fwd=uri-miss")
}

func TestPurgeOfEverythingAsksFirst(t *testing.T) {
	s := newShelf(t, "/", "/news")
	_, _, err := s.command("y\n", "purge", "--everything")
	var usage *usageError
	require.ErrorAs(t, err, &usage, "there is nobody to ask where the input is no terminal")
	require.ErrorContains(t, err, "--yes")
	require.Equal(t, 2, s.cache.Usage().Pages)

	flags := &purgeFlags{everything: true, terminal: true, wait: true, admin: s.Addr("admin").String()}
	orders, err := flags.orders(nil)
	require.NoError(t, err)
	for answer, left := range map[string]int{"\n": 2, "": 2, "no\n": 2, "yes please\n": 2} {
		var out, notes bytes.Buffer
		flags.in, flags.notes = strings.NewReader(answer), &notes
		require.ErrorContains(t, flags.run(t.Context(), &out, orders), "nothing was done", "%q", answer)
		require.Regexp(t, `^everything: 2 pages \(.* KiB\) are let go of; what no origin answers for is then gone\. Go on\? \[y/N\] `, notes.String())
		require.Empty(t, out.String())
		require.Equal(t, left, s.cache.Usage().Pages)
	}
	var out bytes.Buffer
	flags.in, flags.notes = strings.NewReader("Y\n"), new(bytes.Buffer)
	require.NoError(t, flags.run(t.Context(), &out, orders))
	require.Regexp(t, `everything +hard +2 +\S+ KiB +done`, out.String())
	require.Zero(t, s.cache.Usage().Pages)
}

func TestPurgeByAPrefixThatIsNoneAsksNothingOfTheEdge(t *testing.T) {
	s := newShelf(t, "/", "/news")
	for _, prefix := range []string{"", "/", "//", "//news", "/#/news", "/news#", "news", "https://gazette.example", "https://gazette.example/"} {
		_, _, err := s.command("", "purge", "/news", "--prefix", prefix)
		var usage *usageError
		require.ErrorAs(t, err, &usage, "%q", prefix)
		require.Equal(t, 2, s.cache.Usage().Pages, "nothing else is done either")
	}
}

func TestExplainShowsTheArithmeticOfAPage(t *testing.T) {
	s := newShelf(t, "/news")
	said, _, err := s.command("", "explain", "/news", "-H", "Accept-Language: fa", "-H", "Cookie: session=secret")
	require.NoError(t, err)
	for _, line := range []string{
		`page +http://127\.0\.0\.1:\d+/news\n`, `site +gazette\n`, `now +serve the stored page\n`, `Cache-Status +heliograph; hit; ttl=\d+\n`,
		`stored +1 whole; number 1 answers this request\n`, `page 1: status 200 from http://127`, `  tags +all, news\n`,
		`  lifetime +600\.0 s \(10m0s\) +max-age in Cache-Control\n`, `  fresh for +[\d.]+ s \(\S+\) +lifetime - current age\n`,
		`origins, as a request would ask them\n  1 +http://127`, `readers are sent here\n`,
	} {
		require.Regexp(t, line, said)
	}
	require.NotContains(t, said, "secret")

	said, _, err = s.command("", "explain", "/other", "--json")
	require.NoError(t, err)
	var e console.ExplainStatus
	require.NoError(t, json.Unmarshal([]byte(said), &e))
	require.Empty(t, e.Pages)
	require.Equal(t, "fetch it from an origin, and store it if that is allowed", e.Action)

	_, _, err = s.command("", "explain", "/news", "--site", "herald")
	require.ErrorContains(t, err, "this edge serves gazette")
}

func TestDurationsAreExplainedInSecondsAndAsOneReadsThem(t *testing.T) {
	for seconds, words := range map[float64]string{
		0: "0.0 s", 0.04: "0.0 s", 12.34: "12.3 s", 59.94: "59.9 s", 60: "60.0 s (1m0s)", 599.6: "599.6 s (9m59.6s)",
		3600: "3600.0 s (1h0m0s)", 90000: "90000.0 s (1d1h)",
	} {
		require.Equal(t, words, secondsWords(seconds))
	}
}

func TestSizesAreShort(t *testing.T) {
	for n, words := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KiB", 1536: "1.5 KiB", 200 << 10: "200 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB", 5 << 40: "5120 GiB",
	} {
		require.Equal(t, words, sizeOf(n))
	}
}
