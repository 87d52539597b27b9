package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts under testdata run this program as its users do.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"heliograph": func() { os.Exit(run()) }})
}

// TestScripts runs each script under testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}
