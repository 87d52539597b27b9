package health

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// update writes documents instead of comparing them: go test ./health -update.
var update = flag.Bool("update", false, "write the documents that tests compare")

// classesDocument is the table of classes as CLASSES.md has it.
func classesDocument() string {
	const head = "# What a look at an origin can find\n\n" +
		"Every probe and every reader's request ends in one class out of this closed set, in the order of the stages. Failures of a class end in\n" +
		"a verdict: a *fault* after `fall` failures in a row (3), and back after `rise` good probes (2); what is *wrong*, because something else stands in the\n" +
		"publication's place, at once, and back after 5; a *strain*, an origin that answers badly, after twice `fall`. Nothing but a good signed canary or\n" +
		"the operator's word ends `hijacked`. *Patient* classes are those of networks that keep a way closed for minutes after each attempt: probes wait\n" +
		"30 s to 4 minutes there. The error type is what `Proxy-Status` says (RFC 9209 §2.3).\n\n" +
		"| class | meaning | verdict | kind | patient | error type |\n|---|---|---|---|---|---|\n"
	var b strings.Builder
	b.WriteString(head)
	for _, f := range facts {
		kind, patient := [...]string{"fault", "wrong", "strain"}[f.kind], ""
		if f.residual {
			patient = "yes"
		}
		if f.class == OK || f.class == InternalError {
			kind = ""
		}
		falls := string(f.falls)
		if f.class == InternalError {
			falls = ""
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.class, f.meaning, falls, kind, patient, f.proxyError)
	}
	return b.String()
}

func TestTheDocumentOfClassesIsTheTable(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile("CLASSES.md", []byte(classesDocument()), 0o600))
	}
	text, err := os.ReadFile("CLASSES.md")
	require.NoError(t, err)
	require.Equal(t, classesDocument(), string(text), "run go test ./health -update")
}
