package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/proxy/console"
)

// statusLimit bounds what is read of an edge's answer: forty mirrors with their
// evidence take a few hundred KiB.
const statusLimit = 16 << 20

// clear takes the operator's word that an origin is the publication's: one that was
// hijacked begins anew. Where nothing proves the site's pages and no other origin is
// well, what they looked like is forgotten, too: after a redesign it is learnt anew. With
// another one that is well, its pages go on being what is compared with.
func (e *edge) clear(id health.ID) error {
	unlike := e.tracker.View(id).Class == health.IdentityMismatch
	if err := e.tracker.Clear(id); err != nil && !unlike {
		return err
	}
	for _, v := range e.tracker.Site(id.Site) {
		if v.ID != id && v.Verdict == health.Healthy {
			return nil
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.current.file.Sites {
		if site := &e.current.file.Sites[i]; site.Name == id.Site && !proves(site) {
			e.baselines.forget(id.Site)
			e.current.learners[id.Site].forget()
		}
	}
	return nil
}

// cleared is what clear did, as JSON.
type cleared struct {
	Site    string         `json:"site"`
	Origin  string         `json:"origin"`
	Verdict health.Verdict `json:"verdict"` // before
}

// clearCommand tells a running edge that a hijacked origin is the publication's again.
func clearCommand() *cobra.Command {
	var admin, site string
	var asJSON bool
	c := &cobra.Command{
		Use:   "clear ORIGIN",
		Short: "Tell a running edge that a hijacked origin is the publication's again",
		Long: `An origin that served something else counts as hijacked until a signed canary proves it,
or until you say that it is the publication's again. It then needs five good probes in a row
before readers are sent there; one bad probe makes it hijacked again.

Of a site without identity text and canary, pages are compared with those seen before. After
a redesign no origin looks like them: clear one, and they are learnt anew.

ORIGIN is its name, as the status page and the log have it.`,
		Example: "  heliograph clear https://gazette.example.net\n  heliograph clear --site gazette mirror --admin unix:/run/heliograph/admin.sock",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			done, err := clearOrigin(c.Context(), admin, site, names[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return json.NewEncoder(c.OutOrStdout()).Encode(done)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s of %s was %s; it needs five good probes in a row now\n", done.Origin, done.Site, done.Verdict)
			return err
		},
	}
	c.Flags().StringVar(&admin, "admin", "127.0.0.1:8081", "the edge's admin `ADDRESS`, or unix:/path")
	c.Flags().StringVar(&site, "site", "", "`NAME` of the site, where several have an origin of that name")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// clearOrigin finds the origin in the edge's status and clears it.
func clearOrigin(ctx context.Context, admin, site, name string) (cleared, error) {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	text, err := askAdmin(ctx, http.MethodGet, admin, "/api/v1/sites", nil)
	if err != nil {
		return cleared{}, err
	}
	var status console.Status
	if err := json.Unmarshal(text, &status); err != nil {
		return cleared{}, fmt.Errorf("the edge on %s answers with something else than its status: %w", admin, err)
	}
	found, err := findOrigin(status, site, name)
	if err != nil {
		return cleared{}, err
	}
	_, err = askAdmin(ctx, http.MethodPost, admin,
		"/api/v1/sites/"+url.PathEscape(found.Site)+"/origins/"+url.PathEscape(found.Origin)+"/clear", nil)
	return found, err
}

// findOrigin is the one origin of that name.
func findOrigin(status console.Status, site, name string) (cleared, error) {
	var found []cleared
	var names, sites []string
	for _, s := range status.Sites {
		sites = append(sites, s.Name)
		if site != "" && s.Name != site {
			continue
		}
		for _, o := range s.Origins {
			names = append(names, s.Name+" "+o.Name)
			if o.Name == name {
				found = append(found, cleared{s.Name, o.Name, o.Verdict})
			}
		}
	}
	slices.Sort(names)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if len(names) == 0 {
			return cleared{}, fmt.Errorf("no site is named %q; there are: %s", site, strings.Join(sites, ", "))
		}
		return cleared{}, fmt.Errorf("no origin is named %q; there are: %s", name, strings.Join(names, ", "))
	}
	return cleared{}, fmt.Errorf("%d sites have an origin named %q: say which with --site", len(found), name)
}

// askAdmin asks the edge's admin API, and returns the body of an answer that is good. A body
// that is sent is JSON; nil for none.
func askAdmin(ctx context.Context, method, admin, path string, sent []byte) ([]byte, error) {
	request, transport, err := toAdmin(ctx, method, admin, path)
	if err != nil {
		return nil, err
	}
	if sent != nil {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("the edge does not answer on %s: %w", admin, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, statusLimit))
	if err != nil {
		return nil, fmt.Errorf("the edge broke off its answer on %s: %w", admin, err)
	}
	if response.StatusCode/100 != 2 {
		var problem struct{ Detail string }
		if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
			return nil, fmt.Errorf("what answers on %s with %d is not the admin listener of an edge", admin, response.StatusCode)
		}
		return nil, errors.New(printable(problem.Detail))
	}
	return body, nil
}
