package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/proxy"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

const (
	// purgeTimeout is how long an edge may take to answer: a dry run walks through the
	// whole store first.
	purgeTimeout = time.Minute
	// purgePace is how often an edge is asked how far a purge has come that is waited for.
	purgePace = 200 * time.Millisecond
	// purgeFirst and purgeGlance are the first and the last pause before an edge is asked so,
	// each twice the one before, where no end is waited for: 150 ms in all, in which a store
	// of some ten thousand pages is gone through.
	purgeFirst  = 10 * time.Millisecond
	purgeGlance = 80 * time.Millisecond
)

// purgeFlags are the flags of purge.
type purgeFlags struct {
	prefixes, tags   []string
	site             string
	everything, yes  bool
	soft, dry, wait  bool
	admin            string
	asJSON           bool
	terminal         bool // somebody can be asked
	in               io.Reader
	notes            io.Writer // what is not the result
	progressTerminal bool      // a progress line can be shown on notes
}

// purgeCommand lets go of stored pages.
func purgeCommand() *cobra.Command {
	var flags purgeFlags
	c := &cobra.Command{
		Use:   "purge [URL...]",
		Short: "Make a running edge let go of stored pages",
		Long: `Make a running edge let go of stored pages: of single URLs with all their variants, of
all that begin with a prefix or carry a tag, of a site, or of everything.

A URL has a front, the canonical host or an origin's: it is one page. With --site, or where
the edge serves one site, a path will do. A prefix is one of the path: /news/ is all below it,
/news also /newspaper; all of a site is --site alone. Tags are those of Cache-Tag, Surrogate-Key, xkey and Cache-Groups.

When the command returns, readers get nothing of it any more, and what was just being
fetched is not stored; --wait also waits until the memory is free. With --soft, pages become
stale instead: each is fetched anew or confirmed at its next use, and stands in where no
origin answers. After a hard purge nothing does. Try --dry-run first: it only counts.`,
		Example: `  heliograph purge https://www.gazette.example/news/42 https://www.gazette.example/
  heliograph purge --prefix /news/ --soft
  heliograph purge --tag article-42 --wait
  heliograph purge --site gazette --dry-run`,
		RunE: func(c *cobra.Command, urls []string) error {
			flags.in, flags.notes = c.InOrStdin(), c.ErrOrStderr()
			file, ok := flags.in.(*os.File)
			flags.terminal, flags.progressTerminal = ok && isTerminal(file), onTerminal(flags.notes)
			err := flags.empty(urls, c.Flags().Changed("site"))
			var orders []proxy.PurgeOrder
			if err == nil {
				orders, err = flags.orders(urls)
			}
			if err != nil {
				return &usageError{c.CommandPath(), err}
			}
			return flags.run(c.Context(), c.OutOrStdout(), orders)
		},
	}
	c.Flags().StringArrayVar(&flags.prefixes, "prefix", nil, "what the `PATH` begins with; may be given several times")
	c.Flags().StringArrayVar(&flags.tags, "tag", nil, "a `TAG` that pages carry; may be given several times")
	c.Flags().StringVar(&flags.site, "site", "", "`NAME` of the site: all of it, or that of the paths, prefixes and tags")
	c.Flags().BoolVar(&flags.everything, "everything", false, "all pages of all sites")
	c.Flags().BoolVar(&flags.yes, "yes", false, "do not ask before a whole site or everything goes")
	c.Flags().BoolVar(&flags.soft, "soft", false, "make pages stale, and keep them to stand in")
	c.Flags().BoolVar(&flags.dry, "dry-run", false, "count, and do nothing")
	c.Flags().BoolVar(&flags.wait, "wait", false, "wait until the store has been gone through")
	c.Flags().BoolVar(&flags.asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&flags.admin, "admin", "127.0.0.1:8081", "the edge's admin `ADDRESS`, or unix:/path")
	return c
}

// empty names the first argument or flag that was given and is empty, as where a script's
// variable is not set: to leave it out could purge more than is meant. sited says that --site
// was given.
func (f *purgeFlags) empty(urls []string, sited bool) error {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	switch {
	case slices.ContainsFunc(urls, blank):
		return errors.New("a URL is empty")
	case slices.ContainsFunc(f.prefixes, blank):
		return errors.New("--prefix is empty")
	case slices.ContainsFunc(f.tags, blank):
		return errors.New("--tag is empty")
	case sited && blank(f.site):
		return errors.New("--site is empty")
	}
	return nil
}

// orders are what the command line asks for, one purge each.
func (f *purgeFlags) orders(urls []string) ([]proxy.PurgeOrder, error) {
	var all []proxy.PurgeOrder
	add := func(o proxy.PurgeOrder) {
		o.Site, o.Soft, o.DryRun = f.site, f.soft, f.dry
		all = append(all, o)
	}
	for _, u := range urls {
		add(proxy.PurgeOrder{URL: u})
	}
	for _, prefix := range f.prefixes {
		if err := proxy.CheckPrefix(prefix); err != nil {
			return nil, err
		}
		add(proxy.PurgeOrder{Prefix: prefix})
	}
	for _, tag := range f.tags {
		add(proxy.PurgeOrder{Tag: tag})
	}
	large := f.everything || f.site != "" && len(all) == 0
	switch {
	case f.everything && (len(all) > 0 || f.site != ""):
		return nil, errors.New("--everything is all there is: leave out what else is named")
	case large:
		add(proxy.PurgeOrder{Everything: f.everything})
	case len(all) == 0:
		return nil, errors.New("nothing to purge: give URLs, --prefix, --tag, --site or --everything")
	}
	if large && !f.yes && !f.dry && !f.terminal {
		return nil, errors.New("nobody is here to be asked whether all of it is meant: add --yes, or look with --dry-run first")
	}
	return all, nil
}

// purged is what became of one order, as JSON.
type purged struct {
	Order proxy.PurgeOrder     `json:"order"`
	Purge *console.PurgeStatus `json:"purge,omitempty"`
	Error string               `json:"error,omitempty"`
}

// run carries the orders out one after the other, and prints what became of each. One that is
// refused keeps no other from being carried out.
func (f *purgeFlags) run(ctx context.Context, out io.Writer, orders []proxy.PurgeOrder) error {
	if o := orders[0]; (o.Everything || len(orders) == 1 && alone(o)) && !f.yes && !f.dry {
		if err := f.ask(ctx, o); err != nil {
			return err
		}
	}
	results := make([]purged, 0, len(orders))
	failures := 0
	for _, order := range orders {
		status, err := f.carryOut(ctx, order)
		result := purged{Order: order, Purge: status}
		if err != nil {
			result.Error = err.Error()
			failures++
		}
		results = append(results, result)
	}
	if err := f.print(out, results); err != nil {
		return err
	}
	if failures > 0 {
		return &quietError{fmt.Errorf("%d of %d purges failed", failures, len(orders))}
	}
	return nil
}

// alone reports whether an order is of a whole site.
func alone(o proxy.PurgeOrder) bool {
	return o.Site != "" && o.URL == "" && o.Prefix == "" && o.Tag == ""
}

// ask counts what would go, and asks whether that is meant. Anything but a yes is an error.
func (f *purgeFlags) ask(ctx context.Context, order proxy.PurgeOrder) error {
	order.DryRun = true
	count, err := f.order(ctx, order)
	if err != nil {
		return err
	}
	fate := "are let go of; what no origin answers for is then gone"
	if order.Soft {
		fate = "become stale"
	}
	fmt.Fprintf(f.notes, "%s: %d pages (%s) %s. Go on? [y/N] ", printable(count.What), count.Matched, sizeOf(count.Bytes), fate)
	answer, err := bufio.NewReader(f.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done: it was not confirmed")
}

// carryOut purges, and waits for the end: where that is not wanted, for as long as a small
// store takes.
func (f *purgeFlags) carryOut(ctx context.Context, order proxy.PurgeOrder) (*console.PurgeStatus, error) {
	status, err := f.order(ctx, order)
	if err != nil {
		return nil, err
	}
	pause := purgeFirst
	for ; status.State == console.PurgeRunning && (f.wait || pause <= purgeGlance); pause = min(2*pause, purgePace) {
		if f.wait && f.progressTerminal {
			fmt.Fprintf(f.notes, "\r%s: %d of %d pages looked at, %d matched\x1b[K", printable(status.What), status.Visited, status.Stored, status.Matched)
		}
		select {
		case <-ctx.Done():
			return status, errors.New("not waited for to the end; the purge goes on")
		case <-time.After(pause):
		}
		if err := f.look(ctx, status); err != nil && f.wait {
			return status, err
		}
	}
	if f.wait && f.progressTerminal {
		fmt.Fprint(f.notes, "\r\x1b[K")
	}
	if status.State == console.PurgeInterrupted {
		return status, errors.New("the edge ended before it had gone through its store")
	}
	return status, nil
}

// look brings what is known of a purge up to date.
func (f *purgeFlags) look(ctx context.Context, status *console.PurgeStatus) error {
	text, err := f.answer(ctx, http.MethodGet, fmt.Sprintf("/api/v1/purges/%d", status.ID), nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, status); err != nil {
		return fmt.Errorf("the edge on %s answers with something else than a purge: %w", f.admin, err)
	}
	return nil
}

// order sends one order.
func (f *purgeFlags) order(ctx context.Context, order proxy.PurgeOrder) (*console.PurgeStatus, error) {
	body, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	text, err := f.answer(ctx, http.MethodPost, "/api/v1/purge", body)
	if err != nil {
		return nil, err
	}
	status := new(console.PurgeStatus)
	if err := json.Unmarshal(text, status); err != nil {
		return nil, fmt.Errorf("the edge on %s answers with something else than a purge: %w", f.admin, err)
	}
	return status, nil
}

// answer asks the edge.
func (f *purgeFlags) answer(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	return askAdmin(ctx, method, f.admin, path, body)
}
