package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// module is what our packages' import paths begin with.
	module = "github.com/heliograph-edge/heliograph/"
	// checkout is the way from this package's directory to the module's.
	checkout = "../.."
)

// arrows lists what each room may import of ours. A room that is missing is
// refused: a new one takes its place here and in ARCHITECTURE.md.
func arrows() map[string][]string {
	return map[string][]string{
		"cache":           {},
		"cache/memory":    {"cache"},
		"cache/replay":    {"cache", "cache/memory"},
		"cache/storetest": {"cache"},
		"cache/trace":     {"cache"},
		"configs":         {"health/canary", "health/dial", "health/resolve"},
		"health":          {},
		"health/canary":   {},
		"health/lab":      {"health/canary"},
		"health/mirrors":  {},
		"health/gate":     {"health"},
		"health/dial":     {"health"},
		"health/resolve":  {"health"},
		"health/probe":    {"health", "health/canary", "health/dial", "health/gate", "health/resolve"},
		"proxy":           {"cache", "health", "proxy/origin", "proxy/rewrite"},
		"proxy/console":   {"cache", "health", "proxy", "proxy/origin"},
		"proxy/listen":    {"cache"},
		"proxy/origin":    {"health", "health/dial", "health/gate"},
		"proxy/rewrite":   {},
		"cmd/heliograph":  {"*"},
	}
}

// room is what go list tells of a package.
type room struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string
	Imports    []string
}

// path is the room's place in the tree.
func (r room) path() string { return strings.TrimPrefix(r.ImportPath, module) }

// ours lists the rooms that the room imports.
func (r room) ours() []string {
	var names []string
	for _, path := range r.Imports {
		if name, ok := strings.CutPrefix(path, module); ok {
			names = append(names, name)
		}
	}
	return names
}

// parse reads a Go file of the room.
func (r room) parse(t *testing.T, name string, mode parser.Mode) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(r.Dir, name), nil, mode)
	require.NoError(t, err)
	return file
}

// rooms lists every package of the module.
func rooms(t *testing.T) []room {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Name,GoFiles,Imports", "./...")
	list.Dir = checkout
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	require.NoError(t, err, stderr.String())
	var all []room
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var r room
		err := decoder.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all = append(all, r)
	}
	require.NotEmpty(t, all)
	return all
}

func TestImportDirections(t *testing.T) {
	allowed := arrows()
	for _, r := range rooms(t) {
		targets, known := allowed[r.path()]
		require.True(t, known, "%s is no room of the table: give it a place", r.path())
		delete(allowed, r.path())
		for _, imported := range r.ours() {
			require.True(t, slices.Contains(targets, imported) || slices.Contains(targets, "*"),
				"%s must not import %s", r.path(), imported)
		}
	}
	require.Empty(t, allowed, "rooms of the table that are not there")
}

func TestTheCacheKnowsNoResponseWriter(t *testing.T) {
	for _, r := range rooms(t) {
		if r.path() != "cache" && !strings.HasPrefix(r.path(), "cache/") {
			continue
		}
		for _, name := range r.GoFiles {
			ast.Inspect(r.parse(t, name, parser.SkipObjectResolution), func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					require.NotContains(t, []string{"ResponseWriter", "ResponseController", "Flusher", "Hijacker"}, s.Sel.Name,
						"%s/%s: a rendition is sent by whoever holds the connection", r.path(), name)
				}
				return true
			})
		}
	}
}

func TestEveryPackageSaysWhatItIsIn(t *testing.T) {
	for _, r := range rooms(t) {
		require.Contains(t, r.GoFiles, "doc.go", "%s has no doc.go", r.path())
		doc := r.parse(t, "doc.go", parser.ParseComments|parser.PackageClauseOnly).Doc
		begins := "Package " + r.Name + " "
		if r.Name == "main" {
			begins = "Command " + filepath.Base(r.Dir) + " "
		}
		require.True(t, strings.HasPrefix(doc.Text(), begins), "%s/doc.go does not begin with %q", r.path(), begins)
	}
}

func TestNoPackageOrFileIsNamedAfterNothing(t *testing.T) {
	nothing := []string{"util", "utils", "helper", "helpers", "manager", "common", "misc", "base", "shared", "processor"}
	for _, r := range rooms(t) {
		require.NotContains(t, nothing, r.Name, r.path())
	}
	require.NoError(t, filepath.WalkDir(checkout, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		stem, isGo := strings.CutSuffix(entry.Name(), ".go")
		if entry.IsDir() || !isGo {
			return nil
		}
		for word := range strings.SplitSeq(stem, "_") {
			require.NotContains(t, nothing, word, path)
		}
		return nil
	}))
}
