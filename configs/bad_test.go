package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each file in testdata/bad is refused with exactly the lines of the .txt file
// beside it.
func TestBadFilesAreRefusedWithEveryMistake(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 60)
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			want, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".txt")
			require.NoError(t, err)

			_, err = Parse(name+".yaml", text)
			require.IsType(t, &Refusal{}, err)
			require.Equal(t, string(want), err.Error()+"\n")
		})
	}
}
