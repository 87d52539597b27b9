package configs

import (
	"bytes"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func TestSmallestFileHasEveryDefault(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/home/editor/state")

	f, err := Load("smallest.yaml")
	require.NoError(t, err)

	f.source = source{}
	require.Equal(t, &File{
		Listen: Listen{HTTP: "127.0.0.1:8080", HTTPS: "", Admin: "127.0.0.1:8081"},
		Data:   "/home/editor/state/heliograph",
		Sites: []Site{{
			Name:      "www.gazette.example",
			Canonical: mustURL(t, "https://www.gazette.example"),
			Origins: []Origin{
				{Name: "https://www.gazette.example", URL: mustURL(t, "https://www.gazette.example")},
				{Name: "https://gazette.example.ir", URL: mustURL(t, "https://gazette.example.ir")},
			},
			Identity: Identity{Paths: []string{"/"}, Canary: Canary{Path: "/.well-known/heliograph-canary"}},
			Health:   Health{Interval: 10 * time.Second, Timeout: 5 * time.Second, Fall: 3, Rise: 2},
			Cache:    SiteCache{Stale: 24 * time.Hour, Outage: 30 * 24 * time.Hour},
		}},
		Cache: Cache{Memory: 512 << 20},
		Log:   Log{Format: "json", Level: "info", Readers: "none"},
		Drain: 30 * time.Second,
		Path:  "smallest.yaml",
	}, f)
}

func TestCommandLineMeansTheSameAsTheSmallestFile(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/home/editor/state")
	file, err := Load("smallest.yaml")
	require.NoError(t, err)

	arguments, err := FromOrigins([]string{"https://www.gazette.example", "https://gazette.example.ir"})
	require.NoError(t, err)

	require.Empty(t, arguments.Path)
	file.Path, file.source, arguments.source = "", source{}, source{}
	require.Equal(t, file, arguments)
}

func TestMistakesOnTheCommandLineNameTheArgument(t *testing.T) {
	const accepted = "; accepted: a URL without a path, such as https://www.gazette.example"
	t.Setenv("XDG_STATE_HOME", "/home/editor/state")
	tests := map[string]struct {
		origins []string
		want    string
	}{
		"none": {nil, "arguments: there is no origin; accepted: one URL or more, the primary first, such as https://www.gazette.example"},
		"second of two": {
			[]string{"https://www.gazette.example", "https://gazette.example.ir/news"},
			`argument 2: has the path "/news"` + accepted,
		},
		"all of them": {
			[]string{"gazette.example:8080", "mailto://gazette.example"},
			`argument 1: "gazette.example:8080" has no https:// or http:// in front (did you mean "https://gazette.example:8080"?)` +
				accepted + "\n" + `argument 2: the scheme "mailto" is not http or https` + accepted,
		},
		"given twice": {
			[]string{"https://www.gazette.example", "https://www.gazette.example/"},
			`argument 2: "https://www.gazette.example" is the same as argument 1` + accepted,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := FromOrigins(test.origins)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestFromOriginsTakesAddressesOfEveryKind(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/home/editor/state")
	for origin, name := range map[string]string{
		"http://127.0.0.1:9000":        "127.0.0.1",
		"http://[::1]:9000":            "0000-0000-0000-0000-0000-0000-0000-0001",
		"http://localhost:9000":        "localhost",
		"http://gazette_origin:9000":   "gazette-origin",
		"https://WWW.Gazette.Example/": "www.gazette.example",
	} {
		f, err := FromOrigins([]string{origin})
		require.NoError(t, err, origin)
		require.Equal(t, name, f.Sites[0].Name)
	}
}

func TestAddressesAreKeptInOneSpelling(t *testing.T) {
	for written, want := range map[string]string{
		"HTTPS://WWW.Gazette.Example":       "https://www.gazette.example",
		"https://www.gazette.example/":      "https://www.gazette.example",
		"https://www.gazette.example:443":   "https://www.gazette.example",
		"https://www.gazette.example:":      "https://www.gazette.example",
		"http://www.gazette.example:80/":    "http://www.gazette.example",
		"http://www.gazette.example:443":    "http://www.gazette.example:443",
		"https://www.gazette.example:8443/": "https://www.gazette.example:8443",
		"https://[2001:DB8::10]:443":        "https://[2001:db8::10]",
	} {
		u, err := parseURL(written)
		require.NoError(t, err, written)
		require.Equal(t, want, u.String(), written)
		require.Empty(t, originProblem(u), written)
	}
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	f, err := Parse("/etc/heliograph/heliograph.yaml", []byte(`
data: state
tls: {files: [{cert: gazette.pem, key: /run/keys/gazette.key}]}
fingerprints: [lists/http.csv, /usr/share/blockpages.json]
sites:
  - origins: [{url: https://www.gazette.example, ca: ../ca.pem}]
`))
	require.NoError(t, err)
	require.Equal(t, "/etc/heliograph/state", f.Data)
	require.Equal(t, []CertificateFile{{Cert: "/etc/heliograph/gazette.pem", Key: "/run/keys/gazette.key"}}, f.TLS.Files)
	require.Equal(t, "/etc/ca.pem", f.Sites[0].Origins[0].CA)
	require.Equal(t, []string{"/etc/heliograph/lists/http.csv", "/usr/share/blockpages.json"}, f.Fingerprints)
}

func TestFrontsAreLowerCaseAndMayBeAnOriginOfTheSite(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
sites:
  - origins: [https://www.gazette.example]
    fronts: [WWW.Gazette.Example, read.gazette.example.org]
  - origins: [https://www.tribune.example]
`))
	require.NoError(t, err)
	require.Equal(t, []string{"www.gazette.example", "read.gazette.example.org"}, f.Sites[0].Fronts)
	require.Empty(t, f.Sites[1].Fronts)
}

func TestDefaultsBelongToEachSiteAlone(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
sites:
  - origins: [https://www.gazette.example]
    fronts: [gazette.example.net]
  - origins: [https://www.tribune.example]
`))
	require.NoError(t, err)
	f.Sites[0].Identity.Paths[0] = "/changed"
	f.Sites[0].Canonical.Host = "changed.example"
	require.Equal(t, []string{"/"}, f.Sites[1].Identity.Paths)
	require.Equal(t, "www.gazette.example", f.Sites[0].Origins[0].URL.Host)
}

func TestStateDirectoryFollowsTheEnvironment(t *testing.T) {
	tests := map[string]struct {
		environment map[string]string
		user        int
		want        string
	}{
		"state home":          {map[string]string{"XDG_STATE_HOME": "/state", "HOME": "/home/editor"}, 1000, "/state/heliograph"},
		"state home of root":  {map[string]string{"XDG_STATE_HOME": "/var/lib"}, 0, "/var/lib/heliograph"},
		"relative state home": {map[string]string{"XDG_STATE_HOME": "state", "HOME": "/home/editor"}, 1000, "/home/editor/.local/state/heliograph"},
		"home":                {map[string]string{"HOME": "/home/editor"}, 1000, "/home/editor/.local/state/heliograph"},
		"root":                {map[string]string{"HOME": "/root"}, 0, "/var/lib/heliograph"},
		"no home":             {nil, 1000, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			getenv := func(name string) string { return test.environment[name] }
			require.Equal(t, test.want, stateDirectory(getenv, test.user))
		})
	}
}

func TestNoPlaceForStateIsRefused(t *testing.T) {
	f, err := FromOrigins([]string{"https://www.gazette.example"})
	require.NoError(t, err)
	f.Data = ""
	require.EqualError(t, f.Check(), "data: there is no place to keep state: "+
		"neither XDG_STATE_HOME nor HOME is set; accepted: a directory such as /var/lib/heliograph")
}

func TestCheckFindsWhatAFlagBroke(t *testing.T) {
	f, err := FromOrigins([]string{"https://www.gazette.example"})
	require.NoError(t, err)
	require.NoError(t, f.Check())

	f.Listen.Admin = "0.0.0.0:8081"
	f.Listen.HTTPS = ":8443"
	var refusal *Refusal
	require.ErrorAs(t, f.Check(), &refusal)
	require.Len(t, refusal.Mistakes, 2)
	require.Equal(t, "listen.https", refusal.Mistakes[0].Field)
	require.Equal(t, Mistake{
		Field:    "listen.admin",
		Problem:  "the admin listener has no authentication yet; use a loopback address or unix:/path",
		Accepted: "a loopback address such as 127.0.0.1:8081, or unix:/path",
	}, refusal.Mistakes[1])
}

func TestZeroFileIsRefusedByCheck(t *testing.T) {
	require.ErrorContains(t, (&File{}).Check(), "sites: there is no site")
	require.ErrorContains(t, (&File{Sites: []Site{{Origins: []Origin{{}}}}}).Check(), "sites[0].origins[0].url: is missing")
}

func TestAdminIsReachableFromThisMachineOnly(t *testing.T) {
	const everyone = "the admin listener has no authentication yet; use a loopback address or unix:/path"
	for address, want := range map[string]string{
		"127.0.0.1:8081":                    "",
		"127.9.9.9:0":                       "",
		"[::1]:8081":                        "",
		"[::ffff:127.0.0.1]:8081":           "",
		"localhost:8081":                    "",
		"unix:/run/heliograph/admin.sock":   "",
		":8081":                             everyone,
		"0.0.0.0:8081":                      everyone,
		"[::]:8081":                         everyone,
		"192.0.2.1:8081":                    everyone,
		"localhost.gazette.example:8081":    everyone,
		"":                                  `"" is not host:port`,
		"127.0.0.1:65536":                   `"65536" is not a port from 1 to 65535`,
		"unix:":                             `"" is not an absolute path`,
		"unix:/" + strings.Repeat("x", 106): "",
		"unix:/" + strings.Repeat("x", 107): "the path of the socket is longer than 107 bytes",
	} {
		require.Equal(t, want, adminProblem(address), address)
	}
}

func TestAddressesToConnectToAreRead(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte(`
sites:
  - origins: [{url: https://www.gazette.example, address: [192.0.2.10, "2001:db8::10", "::ffff:192.0.2.11"]}]
`))
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{
		netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10"), netip.MustParseAddr("192.0.2.11"),
	}, f.Sites[0].Origins[0].Address)
}

func TestACanaryIsRead(t *testing.T) {
	const key = "heliograph-canary-key:FJy05CdtUaY0ekIj7ZCqW4OIYNIbyGemYB5c6YqOe08="
	f, err := Parse("heliograph.yaml", []byte(`
sites:
  - origins: [https://www.gazette.example]
    fronts: [gazette.example.net]
    identity: {canary: {key: `+key+`, path: /proof.txt, lag: 90m}}
  - origins: [https://www.tribune.example]
    fronts: [tribune.example.net]
    identity: {canary: {key: `+key+`}}
  - origins: [https://www.herald.example]
`))
	require.NoError(t, err)
	first, second, third := f.Sites[0].Identity.Canary, f.Sites[1].Identity.Canary, f.Sites[2].Identity.Canary
	require.Equal(t, key, first.Key.String())
	require.Equal(t, "/proof.txt", first.Path)
	require.Equal(t, 90*time.Minute, first.Lag)
	require.Equal(t, Canary{Key: first.Key, Path: "/.well-known/heliograph-canary"}, second)
	require.True(t, third.Key.IsZero())
	require.NoError(t, f.Check())
}

func TestAKeyInTheWrongPlaceIsNotRepeated(t *testing.T) {
	const secret = "c2VlZHNlZWRzZWVkc2VlZHNlZWRzZWVkc2VlZHNlZWQ="
	_, err := Parse("heliograph.yaml", []byte("sites: [{origins: [https://www.gazette.example], identity: {canary: {key: "+secret+"}}}]"))
	require.ErrorContains(t, err, "sites[0].identity.canary.key: does not begin with heliograph-canary-key:")
	require.NotContains(t, err.Error(), secret[:10])
}

func TestFileMayBeginWithAByteOrderMark(t *testing.T) {
	f, err := Parse("heliograph.yaml", []byte("\ufeffsites:\r\n  - origins: [https://www.gazette.example]\r\n"))
	require.NoError(t, err)
	require.Equal(t, "www.gazette.example", f.Sites[0].Name)
}

func TestFileOverItsBoundIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heliograph.yaml")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("# far too long\n"), 100_000), 0o600))
	_, err := Load(path)
	require.EqualError(t, err, path+":1:1: the file has more than 1048576 bytes; accepted: at most 1MiB")
}

func TestFileWithTooManyTokensIsRefused(t *testing.T) {
	_, err := Parse("heliograph.yaml", []byte("sites: ["+strings.Repeat("x,", maxTokens)+"]"))
	require.ErrorContains(t, err, "the file is too long; accepted: at most 50000 tokens")
}

func TestLoadNamesAFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := Load(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
	require.NotErrorAs(t, err, new(*Refusal))
}
