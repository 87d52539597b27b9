package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/health"
)

// errUnwell is a check that found something that is not well; what was printed says what.
var errUnwell = &quietError{errors.New("not everything is well")}

// checkCommand looks at addresses stage by stage, without a running edge.
func checkCommand() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "check URL... | -c FILE",
		Short: "Look at addresses stage by stage and say what is wrong",
		Long: `Look at every address of each URL: resolve, connect, handshake, request, body,
identity. For each address there is a line for each stage, with ok, ! or x in
front, and what speaks for the finding. The last lines are the conclusions, one
for each URL. URLs that are given together are taken for one publication.

Without --control nothing is there to compare DNS with, and without --contains
or --canary-key nothing proves that a page is the publication's.

Exit code 0 when all is well, 1 when something is not, 2 for a wrong command line.`,
		Example: `  heliograph check https://www.gazette.example https://gazette.example.net
  heliograph check --contains "The Harbour Gazette" --json https://www.gazette.example
  heliograph check --control 'https://dns.example/dns-query#192.0.2.53' https://www.gazette.example
  heliograph check --resolver 'tls://dns.example#192.0.2.53' --via socks5://127.0.0.1:9050 https://www.gazette.example
  heliograph check --canary-key heliograph-canary-key:… --site gazette https://www.gazette.example
  heliograph check -c heliograph.yaml`,
		RunE: func(c *cobra.Command, urls []string) error {
			usage := func(err error) error { return &usageError{c.CommandPath(), err} }
			if err := flags.agree(c.Flags().Changed, urls); err != nil {
				return usage(err)
			}
			plan, err := flags.plan(urls)
			switch {
			case err != nil && flags.config != "":
				return err
			case err != nil:
				return usage(err)
			}
			for _, warning := range plan.warnings {
				fmt.Fprintf(c.ErrOrStderr(), "heliograph: %s: left out\n", printable(warning))
			}
			return flags.run(c.Context(), plan, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags.define(c)
	return c
}

// define adds the flags to the command.
func (f *checkFlags) define(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "check every origin of the configuration in this `FILE`, with its own settings")
	flags.StringArrayVar(&f.contains, "contains", nil, "`TEXT` that the page must contain to be the publication; may be repeated")
	flags.StringVar(&f.canaryKey, "canary-key", "", "public `KEY` (heliograph-canary-key:…) that the canary must be signed with; needs --site")
	flags.StringVar(&f.site, "site", "", "`NAME` of the site that the canary must be for")
	flags.StringVar(&f.resolver, "resolver", "system", "`SERVER` to ask for addresses, as udp://192.0.2.1, tls://… or https://…")
	flags.StringArrayVar(&f.control, "control", nil, "`SERVER` whose answers are compared with the resolver's; may be repeated")
	flags.StringVar(&f.via, "via", "", "connect through this `PROXY`, socks5://host:port or http://host:port")
	flags.StringArrayVar(&f.pins, "pin", nil, "`PIN` (sha256/…) of a key that the certificate chain must have; may be repeated")
	flags.StringArrayVar(&f.fingerprints, "fingerprints", nil, "`FILE` with fingerprints of block pages, as OONI or Censored Planet publish them; may be repeated")
	flags.StringArrayVar(&f.address, "address", nil, "connect to this `IP` instead of asking DNS; may be repeated")
	flags.StringVar(&f.ca, "ca", "", "trust the authorities in this PEM `FILE` instead of the system's")
	flags.StringArrayVar(&f.allow, "allow", nil, "connect to addresses in this private or reserved network (`CIDR`) when DNS gives them; may be repeated")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "`TIME` for each address")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.StringVar(&f.color, "color", "auto", "`WHEN` to colour: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// run looks, prints what was seen, and fails when something is not well.
func (f *checkFlags) run(ctx context.Context, plan checkPlan, out, notes io.Writer) error {
	progress := newCheckProgress(notes)
	found := lookAll(ctx, plan.looks, progress)
	progress.end()
	conclusions := concludeAll(found)
	var err error
	if f.json {
		err = writeCheckJSON(out, found, conclusions)
	} else {
		r := checkReport{paint: paint(f.colours(out)), now: time.Now()}
		err = r.write(out, found, conclusions)
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(notes, "heliograph: cut short; this is what was seen until then")
	}
	for _, c := range conclusions {
		if c.Verdict != health.Healthy {
			return errUnwell
		}
	}
	return nil
}

// colours reports whether what is written to out is to be coloured.
func (f *checkFlags) colours(out io.Writer) bool {
	switch f.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && onTerminal(out)
}

// isTerminal reports whether a person reads the file as it is written.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// dash stands for nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
