package cache

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsRememberedOfNoVarySearchIsBoundedInBytes(t *testing.T) {
	for _, length := range []int{10, 400} {
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		header := PackHeader(http.Header{"No-Vary-Search": {`params=("utm")`}})
		before, x := heap(), newNoVaryIndex()
		for i := range 40000 {
			x.learn(&Page{Key: KeyOf("gazette", fmt.Sprintf("/%d?q=%d%s", i%1000, i, strings.Repeat("x", length))), Header: header})
		}
		require.LessOrEqual(t, x.pages.bytes+x.forms.bytes, 8<<20)
		require.Greater(t, x.pages.bytes, 5<<20)
		require.Less(t, heap()-before, int64(9<<20), "and that is what it takes")
		latest := KeyOf("gazette", "/999?q=39999"+strings.Repeat("x", length)+"&utm=1")
		var found []Key
		for hint := range x.find(latest) {
			found = append(found, hint.key)
		}
		require.Len(t, found, 1)
		runtime.KeepAlive(x)
	}
}

func TestWhatIsAskedForOfNoVarySearchIsRemembered(t *testing.T) {
	x := newNoVaryIndex()
	header := PackHeader(http.Header{"No-Vary-Search": {`params=("utm")`}})
	learn := func(query string) { x.learn(&Page{Key: KeyOf("gazette", "/?"+query), Header: header}) }
	learn("q=asked")
	for i := range 40000 {
		learn(fmt.Sprintf("q=%d", i))
		for hint := range x.find(KeyOf("gazette", "/?q=asked&utm=1")) {
			x.used(hint.name)
		}
	}
	require.Len(t, x.equals(KeyOf("gazette", "/?q=asked&utm=1")), 2)
	require.Len(t, x.equals(KeyOf("gazette", "/?q=0&utm=1")), 1, "forgotten")
}
