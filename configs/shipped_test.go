package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnnotatedFileIsAccepted(t *testing.T) {
	f, err := Load("heliograph.yaml")
	require.NoError(t, err)
	require.Equal(t, "gazette", f.Sites[0].Name)
	require.Equal(t, "mirror", f.Sites[0].Origins[1].Name)
}

func TestAnnotatedFileGivesEveryKeyOfTheSchema(t *testing.T) {
	f, err := Load("heliograph.yaml")
	require.NoError(t, err)
	given := map[string]bool{}
	for field := range f.source.positions {
		given[anyIndex(field)] = true
	}
	for field := range accepted() {
		require.True(t, given[field], "heliograph.yaml does not mention %q", field)
	}
}

func TestAnnotatedFileHasAReasonForEveryKey(t *testing.T) {
	text, err := os.ReadFile("heliograph.yaml")
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines[1:] {
		trimmed := strings.TrimPrefix(strings.TrimSpace(line), "- ")
		if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(strings.TrimSpace(line), "- #") {
			continue
		}
		require.Contains(t, lines[i], "# ", "heliograph.yaml:%d has no line of why above it", i+2)
	}
}

func TestSchemaSaysWhatEveryFieldAccepts(t *testing.T) {
	fields := accepted()
	for field, text := range fields {
		require.NotEmpty(t, text, field)
	}
	for _, field := range []string{"", "listen.admin", "tls.files[].key", "sites[].origins[].address[]", "sites[].cache.outage"} {
		require.Contains(t, fields, field)
	}
}

// directives reads a unit file into section.key → values.
func directives(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("systemd", name))
	require.NoError(t, err)
	found, section := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(inner, "]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		require.True(t, ok && section != "", "%s: %q is no directive", name, line)
		found[section+"."+key] = append(found[section+"."+key], value)
	}
	return found
}

func TestUnitsHandTheListenersOverByName(t *testing.T) {
	for file, want := range map[string][2]string{
		"heliograph.socket":       {"http", "80"},
		"heliograph-https.socket": {"https", "443"},
	} {
		socket := directives(t, file)
		require.Equal(t, []string{want[0]}, socket["Socket.FileDescriptorName"])
		require.Equal(t, []string{want[1]}, socket["Socket.ListenStream"])
		// A unit of another name is handed over through Service= alone.
		if file != "heliograph.socket" {
			require.Equal(t, []string{"heliograph.service"}, socket["Socket.Service"])
		}
	}
}

func TestSocketActivationIsLeftToTheOperator(t *testing.T) {
	service := directives(t, "heliograph.service")
	for directive, units := range service {
		for _, unit := range units {
			require.NotContains(t, unit, ".socket", directive)
		}
	}
	require.Equal(t, []string{"multi-user.target"}, service["Install.WantedBy"])
	require.NotContains(t, service, "Install.Also")
}

func TestUnitKeepsStateWhereTheDefaultLooksForIt(t *testing.T) {
	service := directives(t, "heliograph.service")
	require.Equal(t, []string{"yes"}, service["Service.DynamicUser"])
	require.Equal(t, []string{"heliograph"}, service["Service.StateDirectory"])
	name, home, ok := strings.Cut(service["Service.Environment"][0], "=")
	require.True(t, ok)
	getenv := func(asked string) string {
		if asked == name {
			return home
		}
		return ""
	}
	// systemd puts StateDirectory= of a system service under /var/lib.
	require.Equal(t, "/var/lib/heliograph", stateDirectory(getenv, 61184))
}

func TestUnitWaitsLongerThanTheDefaultDrain(t *testing.T) {
	stop, err := ParseDuration(directives(t, "heliograph.service")["Service.TimeoutStopSec"][0])
	require.NoError(t, err)
	require.Greater(t, stop, defaults().Drain)
}
