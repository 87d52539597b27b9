package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestTheReadmeIsThereAndShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(checkout, "README.md"))
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(text, []byte("\n")), 200)
	require.Contains(t, string(text), "go run ./cmd/heliograph demo")
	require.Contains(t, string(text), "make test")
}

func TestTheHouseIsComplete(t *testing.T) {
	for _, name := range []string{
		"ARCHITECTURE.md", "Dockerfile", "LICENSE", "Makefile", "NEWS.md", "README.md", "go.mod", "go.sum",
		".ci/run", ".editorconfig", ".golangci.yml",
	} {
		require.FileExists(t, filepath.Join(checkout, name))
	}
	entries, err := os.ReadDir(checkout)
	require.NoError(t, err)
	var unplaced []string
	rooms := []string{"bin", "cache", "cmd", "configs", "dist", "health", "proxy"}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(rooms, e.Name()) {
			unplaced = append(unplaced, e.Name())
		}
	}
	require.Empty(t, unplaced, "the top level is fixed")
}

// TestTheDockerfileBuildsAsMakeDoes keeps the image to what is tried without an
// engine: every step that builds something is a target of the Makefile.
func TestTheDockerfileBuildsAsMakeDoes(t *testing.T) {
	dockerfile, err := os.ReadFile(filepath.Join(checkout, "Dockerfile"))
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(checkout, "Makefile"))
	require.NoError(t, err)
	steps := 0
	for line := range strings.Lines(string(dockerfile)) {
		step, runs := strings.CutPrefix(strings.TrimSpace(line), "RUN ")
		if !runs {
			continue
		}
		steps++
		words := strings.Fields(step)
		require.GreaterOrEqual(t, len(words), 2, step)
		require.Equal(t, "make", words[0], step)
		require.Contains(t, string(makefile), "\n"+words[1]+":", step)
	}
	require.NotZero(t, steps)
}

func TestEveryCommandShowsAnExample(t *testing.T) {
	commands := []*cobra.Command{rootCommand()}
	for i := 0; i < len(commands); i++ {
		c := commands[i]
		commands = append(commands, c.Commands()...)
		require.NotEmpty(t, c.Example, c.CommandPath())
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.Contains(t, c.Example, "  "+c.CommandPath(), c.CommandPath())
	}
}

func TestCommandsThatPrintResultsPrintThemAsJSON(t *testing.T) {
	for _, name := range []string{"check", "validate", "version", "demo", "canary verify", "purge", "explain", "clear", "cache-sim"} {
		c, _, err := rootCommand().Find(strings.Fields(name))
		require.NoError(t, err)
		require.Equal(t, "heliograph "+name, c.CommandPath())
		require.NotNil(t, c.Flags().Lookup("json"), "%s has no --json", name)
	}
}
