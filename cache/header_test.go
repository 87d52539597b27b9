package cache_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/cache"
)

func TestAPackedHeaderHoldsWhatWasPacked(t *testing.T) {
	for name, h := range map[string]http.Header{
		"nothing":            {},
		"known and unknown":  {"Etag": {`"1"`}, "X-Gazette": {"a"}, "Zz": {""}},
		"several lines":      {"Set-Cookie": {"a=1", "b=2", "a=1"}},
		"a long value":       {"Link": {strings.Repeat("x", 300)}, "X": {strings.Repeat("y", 40_000)}},
		"a long name":        {strings.Repeat("N", 200): {"v"}},
		"bytes beyond ASCII": {"X-Title": {"Вестник"}},
	} {
		t.Run(name, func(t *testing.T) {
			packed := cache.PackHeader(h)
			require.Equal(t, h, packed.Unpack())
			for name, values := range h {
				require.Equal(t, values[0], packed.Get(name))
				require.True(t, packed.Has(name))
			}
			require.False(t, packed.Has("Absent"))
			require.Empty(t, packed.Get("Absent"))
		})
	}
}

func TestASingleFieldIsOneThatSaysOneThing(t *testing.T) {
	packed := cache.PackHeader(http.Header{"Etag": {"a", "a"}, "Date": {"a", "b"}, "Expires": {"", "a"}})
	require.Equal(t, "a", packed.Single("Etag"))
	require.Empty(t, packed.Single("Date"))
	require.Empty(t, packed.Single("Expires"))
}

func TestAPackedHeaderIsSmallerThanOnTheWire(t *testing.T) {
	h := http.Header{"Cache-Control": {"max-age=60"}, "Content-Type": {"text/html"}, "Date": {"Sat, 28 Feb 2026 12:00:00 GMT"}}
	packed := cache.PackHeader(h)
	require.Equal(t, len("Cache-Control: max-age=60\r\nContent-Type: text/html\r\nDate: Sat, 28 Feb 2026 12:00:00 GMT\r\n"), packed.Size())
	require.Less(t, len(packed), packed.Size()*3/4)
}

func TestFieldsComeInTheOrderOfTheirNames(t *testing.T) {
	var names []string
	for name := range cache.PackHeader(http.Header{"Vary": {"a"}, "X-B": {"a"}, "Age": {"1"}, "X-A": {"1"}}).All() {
		names = append(names, name)
	}
	require.True(t, slices.IsSorted(names))
	require.Len(t, names, 4)
}
