package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse holds that whatever is in the file, it is refused with mistakes an
// operator can find and mend, or it is a File that can be run.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(f, err)
	for _, path := range append(seeds, "heliograph.yaml", "smallest.yaml") {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("heliograph.yaml", text)
		if err != nil {
			requireMendable(t, err)
			return
		}
		require.NoError(t, file.Check())
		require.NotEmpty(t, file.Sites)
		for _, network := range file.Allow {
			require.Positive(t, network.Bits())
			require.Equal(t, network.Masked(), network)
		}
		for _, site := range file.Sites {
			require.NotEmpty(t, site.Name)
			require.NotNil(t, site.Canonical)
			require.NotEmpty(t, site.Origins)
			for _, origin := range site.Origins {
				require.NotEmpty(t, origin.Name)
				require.NotEmpty(t, origin.URL.Host)
				require.True(t, len(origin.Pins) == 0 || origin.URL.Scheme == "https", "a pin without a key")
			}
		}
	})
}

func requireMendable(t *testing.T, err error) {
	t.Helper()
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	require.NotEmpty(t, refusal.Mistakes)
	line := 0
	for _, m := range refusal.Mistakes {
		require.GreaterOrEqual(t, m.Line, max(line, 1), "%v", m)
		line = m.Line
		require.Positive(t, m.Column, "%v", m)
		require.NotEmpty(t, m.Problem, "%v", m)
		require.NotEmpty(t, m.Accepted, "%v", m)
		require.NotContains(t, m.String(), "\n")
	}
}
