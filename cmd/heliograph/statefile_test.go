package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStateFileLoadsWhatItSaved(t *testing.T) {
	f := stateFile(filepath.Join(t.TempDir(), "state.json"))
	require.NoError(t, f.save(map[string]int{"pages": 7}))
	var content string
	require.NoError(t, f.load(func(text []byte) error {
		content = string(text)
		return nil
	}))
	require.Equal(t, "{\n\t\"pages\": 7\n}\n", content)
	require.Error(t, f.save(func() {}), "no JSON")
	require.FileExists(t, string(f), "and the old content stays")
}

func TestAMissingStateFileIsNoError(t *testing.T) {
	f := stateFile(filepath.Join(t.TempDir(), "state.json"))
	require.NoError(t, f.load(func([]byte) error { return errors.New("there is nothing to parse") }))
}

func TestAStateFileThatCannotBeReadStaysWhereItIs(t *testing.T) {
	f := stateFile(t.TempDir())
	err := f.load(func([]byte) error { return nil })
	require.ErrorContains(t, err, string(f))
	require.DirExists(t, string(f))
}

func TestAStateFileThatCannotBePutAsideIsNamed(t *testing.T) {
	f := stateFile(filepath.Join(t.TempDir(), "state.json"))
	require.NoError(t, os.WriteFile(string(f), []byte("{"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(string(f)+".broken", "in the way"), 0o700))
	mistake := errors.New("it is cut")
	err := f.load(func([]byte) error { return mistake })
	require.ErrorIs(t, err, mistake)
	require.ErrorContains(t, err, string(f)+" is ignored, and could not be put aside, remove it: ")
	require.FileExists(t, string(f))
}
