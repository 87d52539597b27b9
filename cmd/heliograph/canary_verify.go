package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/health/canary"
)

// canaryTimeout is how long a canary may take to come.
const canaryTimeout = 10 * time.Second

// errUnverified is a canary that does not verify; the report says why.
var errUnverified = &quietError{errors.New("the canary does not verify")}

// canaryReport is what verify tells.
type canaryReport struct {
	Source   string        `json:"source"`
	Verifies bool          `json:"verifies"`
	Reason   canary.Reason `json:"reason,omitempty"` // empty when it verifies
	Detail   string        `json:"detail,omitempty"`
	Claims   *canaryClaims `json:"claims,omitempty"` // what it says of itself; nil when it cannot be read
}

// canaryClaims is what a canary says, true or not.
type canaryClaims struct {
	Site     string    `json:"site"`
	Sequence uint64    `json:"sequence"`
	Issued   time.Time `json:"issued"`
	Expires  time.Time `json:"expires"`
}

// canaryVerifyCommand verifies a canary as an edge does that never saw one.
func canaryVerifyCommand() *cobra.Command {
	var public, site string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify --key PUBLIC FILE|URL",
		Short: "Verify a canary, in a file or on an origin",
		Long: `Verify a canary as an edge does that never saw another one, and tell what it says.
A URL without a path means ` + canary.Path + `; redirects are not followed.
Exit code 0 when it verifies, 1 when it does not.`,
		Example: `  heliograph canary verify --key heliograph-canary-key:… heliograph-canary
  heliograph canary verify --key heliograph-canary-key:… --json https://www.gazette.example`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := canary.ParseKey(public)
			if err != nil {
				return &usageError{c.CommandPath(), fmt.Errorf("--key: the public key %w", err)}
			}
			source := args[0]
			text, err := fetchCanary(c.Context(), source)
			if err != nil {
				return fmt.Errorf("the canary cannot be read: %w", err)
			}
			report := verifyCanary(text, key, site, time.Now())
			report.Source = source
			if err := report.print(c.OutOrStdout(), asJSON, time.Now()); err != nil {
				return err
			}
			if !report.Verifies {
				return errUnverified
			}
			return nil
		},
	}
	c.Flags().StringVar(&public, "key", "", "the `PUBLIC` key, heliograph-canary-key:…")
	c.Flags().StringVar(&site, "site", "", "`NAME` of the site that it must be for; any when left out")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verifyCanary judges a canary.
func verifyCanary(text string, key canary.Key, site string, now time.Time) canaryReport {
	var report canaryReport
	if claimed, err := canary.Parse(text); err == nil {
		report.Claims = &canaryClaims{claimed.Site, claimed.Sequence, claimed.Issued, claimed.Expires}
		if site == "" {
			site = claimed.Site
		}
	}
	_, err := canary.Verify(text, key, canary.Expect{Site: site, Now: now})
	report.Verifies = err == nil
	var refusal *canary.Refusal
	if errors.As(err, &refusal) {
		report.Reason, report.Detail = refusal.Reason, refusal.Detail
	}
	return report
}

// print writes the report as JSON, or as aligned lines.
func (r canaryReport) print(w io.Writer, asJSON bool, now time.Time) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "canary\t%s\n", r.Source)
	if c := r.Claims; c != nil {
		fmt.Fprintf(table, "site\t%s\nsequence\t%d\nissued\t%s\nexpires\t%s\n",
			c.Site, c.Sequence, whenIs(c.Issued, now), whenIs(c.Expires, now))
	}
	if r.Verifies {
		fmt.Fprintln(table, "verifies\tyes")
	} else {
		fmt.Fprintf(table, "verifies\tno, %s: %s\n", r.Reason, r.Detail)
	}
	return table.Flush()
}

// whenIs is a time, and how far it is from now.
func whenIs(t, now time.Time) string {
	d, direction := t.Sub(now), "in %s"
	if d < 0 {
		d, direction = -d, "%s ago"
	}
	about := d.Round(time.Second).String()
	if days := int64(d / (24 * time.Hour)); days > 0 {
		about = fmt.Sprintf("%dd%dh", days, int64(d/time.Hour)%24)
	}
	return t.Format(time.RFC3339) + " (" + fmt.Sprintf(direction, about) + ")"
}

// fetchCanary reads a canary from a file or an http or https URL.
func fetchCanary(ctx context.Context, source string) (string, error) {
	if !strings.HasPrefix(source, "https://") && !strings.HasPrefix(source, "http://") {
		return readCanary(source)
	}
	u, err := url.Parse(source)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL", source)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = canary.Path
	}
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("User-Agent", "heliograph/"+version+" (canary verify)")
	request.Header.Set("Cache-Control", "no-cache")
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", u, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, canary.MaxBytes+1))
	return string(text), err
}
