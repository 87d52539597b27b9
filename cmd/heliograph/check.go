package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/probe"
)

// checkFlags are the flags of check.
type checkFlags struct {
	json     bool
	contains []string
	address  []string
	ca       string
	timeout  time.Duration
}

// errUnwell is a check that found an address that is not well; the table says which.
var errUnwell = &quietError{errors.New("not every address is well")}

// checkCommand looks at addresses stage by stage, without a running edge.
func checkCommand() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "check URL...",
		Short: "Look at addresses stage by stage and say what is wrong",
		Long: `Look at every address of each URL: resolve, connect, handshake, first byte, body,
status and, with --contains, whether the page is the publication's. Exit code 0
when all are well, 1 when one is not.`,
		Example: `  heliograph check https://www.gazette.example https://gazette.example.net
  heliograph check --contains "The Harbour Gazette" --json https://www.gazette.example`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, urls []string) error {
			targets, err := flags.targets(urls)
			if err != nil {
				return &usageError{c.CommandPath(), err}
			}
			if isTerminal(os.Stderr) {
				fmt.Fprintf(os.Stderr, "looking at %d addresses, %s at most…\n", len(targets), flags.timeout)
			}
			rows := lookAll(c.Context(), targets)
			if err := flags.print(c.OutOrStdout(), rows); err != nil {
				return err
			}
			for _, r := range rows {
				if r.Class != health.OK {
					return errUnwell
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	c.Flags().StringArrayVar(&flags.contains, "contains", nil, "`TEXT` that the page must contain to be the publication; may be repeated")
	c.Flags().StringArrayVar(&flags.address, "address", nil, "connect to this `IP` instead of asking DNS; may be repeated")
	c.Flags().StringVar(&flags.ca, "ca", "", "trust the authorities in this PEM `FILE` instead of the system's")
	c.Flags().DurationVar(&flags.timeout, "timeout", 5*time.Second, "time for each address")
	return c
}

// targets reads the command line. The addresses are refused as origins in a
// configuration are, all at once; only a path is allowed besides.
func (f *checkFlags) targets(urls []string) ([]probe.Target, error) {
	roots, err := authorities(f.ca)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	var addresses []netip.Addr
	for _, text := range f.address {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("--address %s: not an IP address", text)
		}
		addresses = append(addresses, a)
	}
	var targets []probe.Target
	for _, text := range urls {
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: not a URL", text)
		}
		path := u.RequestURI()
		if _, err := configs.FromOrigins([]string{u.Scheme + "://" + u.Host}); err != nil {
			return nil, err
		}
		targets = append(targets, probe.Target{
			URL: &url.URL{Scheme: u.Scheme, Host: u.Host}, Path: path, Addresses: addresses, Roots: roots,
			Contains: f.contains, Timeout: f.timeout, Agent: "heliograph/" + version + " (check)",
		})
	}
	return targets, nil
}

// checkRow is one address as check shows it.
type checkRow struct {
	URL         string             `json:"url"`
	Address     string             `json:"address,omitempty"`
	Class       health.Class       `json:"class"`
	Stage       health.Stage       `json:"stage,omitempty"`
	Reason      string             `json:"reason,omitempty"`
	Status      int                `json:"status,omitempty"`
	Location    string             `json:"location,omitempty"`
	BodyBytes   int64              `json:"body_bytes"`
	Certificate *probe.Certificate `json:"certificate,omitempty"`
	Seconds     map[string]float64 `json:"timings_seconds"`

	timings health.Timings
}

// lookAll looks at all targets beside each other, and returns a row for each
// address in the order of the targets.
func lookAll(ctx context.Context, targets []probe.Target) []checkRow {
	found := make([][]probe.Result, len(targets))
	var looks sync.WaitGroup
	for i, t := range targets {
		looks.Go(func() { found[i] = probe.Run(ctx, t) })
	}
	looks.Wait()
	var rows []checkRow
	for i, results := range found {
		for _, r := range results {
			t := r.Timings
			rows = append(rows, checkRow{
				URL: targets[i].URL.String() + targets[i].Path, Address: r.Address, Class: r.Class, Stage: r.Stage,
				Reason: r.Reason, Status: r.Status, Location: r.Location, BodyBytes: r.BodyBytes, Certificate: r.Certificate,
				timings: t, Seconds: map[string]float64{
					"resolve": t.Resolve.Seconds(), "connect": t.Connect.Seconds(), "handshake": t.Handshake.Seconds(),
					"first_byte": t.FirstByte.Seconds(), "body": t.Body.Seconds(),
				},
			})
		}
	}
	return rows
}

// print writes the rows as JSON, or as an aligned table with the reasons below it.
func (f *checkFlags) print(w io.Writer, rows []checkRow) error {
	if f.json {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(rows)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "URL\tADDRESS\tRESOLVE\tCONNECT\tHANDSHAKE\tFIRST BYTE\tBODY\tSTATUS\tFOUND")
	for _, r := range rows {
		t := r.timings
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.URL, dash(r.Address), took(t.Resolve), took(t.Connect),
			took(t.Handshake), took(t.FirstByte), took(t.Body), dash(number(r.Status)), r.Class)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Class != health.OK {
			fmt.Fprintf(w, "\n%s %s\n  %s at the stage %s: %s\n", r.URL, r.Address, r.Class, r.Stage, r.Reason)
		}
	}
	return nil
}

// took is a duration as the table shows it: - for a stage that was not reached.
func took(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

// number is a status as the table shows it.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// dash stands for nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// isTerminal reports whether a person reads the file as it is written.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
