package origin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
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
	for _, whole := range []bool{true, false} {
		seen, err := decode([]byte(bomb), whole, "gzip")
		require.NoError(t, err)
		require.LessOrEqual(t, len(seen.text), inspectLimit)
		require.False(t, seen.whole)
	}
	_, err := decode([]byte(bomb), true, "br")
	require.ErrorIs(t, err, errUnreadable)
	require.Equal(t, health.OK, inspect(answered(200, strings.NewReader(bomb), "Content-Encoding", "gzip"), http.MethodGet, gated(Site{})).class)
}

func TestTextIsFoundInAnyCase(t *testing.T) {
	require.True(t, containsFold([]byte("a < b </HtMl"), "</html"))
	require.False(t, containsFold([]byte("<</htm"), "</html"))
	require.False(t, containsFold(nil, "</html"))
}
