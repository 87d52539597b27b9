package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/heliograph-edge/heliograph/health/lab"
)

// TestCheckScripts runs each script under testdata/check against a lab of its own, in
// which alternate1 shares the primary's address. Scripts find it in the environment,
// and break and mend its origins.
func TestCheckScripts(t *testing.T) {
	type labKey struct{}
	origin := func(ts *testscript.TestScript, alias string) *lab.Origin {
		o, found := ts.Value(labKey{}).(*lab.Lab).Origin(alias)
		if !found {
			ts.Fatalf("there is no origin %s", alias)
		}
		return o
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "check"),
		Setup: func(env *testscript.Env) error {
			l, err := lab.Start(lab.Options{Together: []string{"gazette.example.net"}})
			if err != nil {
				return err
			}
			env.Defer(func() { l.Close() })
			env.Values[labKey{}] = l
			socks, err := l.StartSOCKS()
			if err != nil {
				return err
			}
			for name, value := range map[string]string{
				"CA": filepath.Join(env.WorkDir, "authority.pem"), "LOCAL": l.Local().UDP(), "CONTROL": l.Control().HTTPS(),
				"CANARY_KEY": l.CanaryKey().String(), "SITE": lab.Site, "SOCKS": socks.URL(),
			} {
				env.Setenv(name, value)
			}
			for i, name := range []string{"PRIMARY", "ALTERNATE1", "ALTERNATE2"} {
				env.Setenv(name, l.Origins()[i].URL())
				env.Setenv(name+"_IP", l.Origins()[i].Addr().Addr().String())
			}
			return os.WriteFile(env.Getenv("CA"), l.CAPEM(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"break": func(ts *testscript.TestScript, _ bool, args []string) {
				fault, err := lab.ParseFault(args[1])
				ts.Check(err)
				ts.Check(origin(ts, args[0]).Break(fault))
			},
			"mend": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(ts.Value(labKey{}).(*lab.Lab).Mend())
			},
			// settings writes a configuration of the lab's origins.
			"settings": func(ts *testscript.TestScript, _ bool, args []string) {
				text := "control: {resolvers: [\"" + ts.Getenv("CONTROL") + "\"]}\nallow: [127.0.0.0/8]\nsites:\n  - name: gazette\n    origins:\n"
				for _, name := range []string{"PRIMARY", "ALTERNATE1", "ALTERNATE2"} {
					text += "      - {url: \"" + ts.Getenv(name) + "\", resolver: \"" + ts.Getenv("LOCAL") + "\", ca: authority.pem}\n"
				}
				text += "    identity: {contains: [\"" + lab.Marker + "\"], canary: {key: \"" + ts.Getenv("CANARY_KEY") + "\"}}\n"
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
		},
	})
}
