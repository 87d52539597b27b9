package origin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

func TestAPageThatLacksItsEndIsFetchedElsewhere(t *testing.T) {
	const (
		head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
		cut  = "<HTML><head>" + marker + "</head><body><p>High water at"
	)
	for _, test := range []struct {
		name, raw string
		class     health.Class
	}{
		{"the connection's end is the page's, and it lacks one", head + "\r\n" + cut, health.BodyUnfinished},
		{"it has one", head + "\r\n" + cut + " noon</HTML>\n", health.OK},
		{"it has not begun with one", head + "\r\n" + page, health.OK},
		{"it is as long as declared", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(cut), cut), health.OK},
		{"it is chunked", fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(cut), cut), health.OK},
		{"zipped, it lacks one", head + "Content-Encoding: gzip\r\n\r\n" + zipped(t, cut), health.BodyUnfinished},
		{"zipped, it has one", head + "Content-Encoding: gzip\r\n\r\n" + zipped(t, cut+"</html>"), health.OK},
		{"the zip lacks its end", head + "Content-Encoding: gzip\r\n\r\n" + shorter(zipped(t, cut+"</html>")), health.BodyTruncated},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, serveRaw(test.raw), servePage)
				got, err := s.fetch()
				require.NoError(t, err)
				readAll(t, got)
				require.Equal(t, test.class, got.Attempts[0].Class, got.Attempts[0].Reason)
				require.Equal(t, test.class == health.OK, got.Origin == "a")
			})
		})
	}
}

// shorter is a text without its last bytes.
func shorter(text string) string { return text[:len(text)-9] }

func TestAnUnfinishedPageIsPassedOnForWantOfABetterOneAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := "<html>" + page
		s := newScene(t, serveRaw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"+cut), nil)
		got, err := s.fetch()
		requireAnswer(t, got, err, "a", cut)
		require.True(t, got.Doubtful)
	})
}

func TestABombIsNotUnpacked(t *testing.T) {
	bomb := zipped(t, page+strings.Repeat("<p>", 8<<20))
	require.Less(t, len(bomb), aheadLimit)
	for _, most := range []int{gate.Limit, inspectLimit} {
		a := readAhead(answered(200, strings.NewReader(bomb)), true, rawLimit, most)
		for !a.glimpse().ended {
			<-a.change
		}
		require.Len(t, a.glimpse().text.text, most)
		require.False(t, a.glimpse().text.whole)
	}
	require.Equal(t, health.OK, inspect(answered(200, strings.NewReader(bomb), "Content-Encoding", "gzip"), http.MethodGet, gated(Site{}), true).class)
}

func TestWhichAnswersAreParts(t *testing.T) { // RFC 9110 §14.4
	for held, part := range map[string]bool{
		"": true, "bytes 0-9/100": true, "bytes 90-99/100": true, "bytes 0-99/*": true, "bytes */100": true, "bytes 0-99/100": false,
	} {
		require.Equal(t, part, isPart(answered(206, http.NoBody, "Content-Range", held)), held)
	}
	require.False(t, isPart(answered(200, http.NoBody, "Content-Range", "bytes 0-9/100")))
}

func TestWhatABrowserShowsAsADocument(t *testing.T) {
	for _, test := range []struct {
		path, dest, accept string
		shown              bool
	}{
		{"/news", "document", "", true}, {"/tides.txt", "document", "*/*", true}, {"/news", "iframe", "", true}, {"/news", "", "text/html,*/*", true},
		{"/tides.txt", "", "text/html,*/*", false}, {"/news", "", "*/*", false}, {"/news", "empty", "text/html", false}, {"/sea", "image", "image/*", false},
	} {
		require.Equal(t, test.shown, navigates(&http.Request{
			URL: &url.URL{Path: test.path}, Header: http.Header{"Sec-Fetch-Dest": {test.dest}, "Accept": {test.accept}},
		}), test)
	}
	require.False(t, navigates(nil))
}

func TestTextIsFoundInAnyCase(t *testing.T) {
	require.True(t, containsFold([]byte("a < b </HtMl"), "</html"))
	require.False(t, containsFold([]byte("<</htm"), "</html"))
	require.False(t, containsFold(nil, "</html"))
}
