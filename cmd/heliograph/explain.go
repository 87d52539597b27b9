package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/proxy/console"
)

// explainCommand tells why a page comes from where it comes.
func explainCommand() *cobra.Command {
	var admin, site, method string
	var header []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain URL",
		Short: "Tell why a running edge serves a page as it does, and what it would do now",
		Long: `Tell what a running edge knows of a page: what is stored of it, or why it is not; how
old that is and for how long it is fresh, line by line; what would happen to a request now; and
which origins would be asked, in which order. Nothing is fetched for it, and no page is used.

URL has a front, the canonical host or an origin's; or it is a path. A request is one without
further fields unless some are given with -H. Cookies and credentials are not shown.`,
		Example: `  heliograph explain https://www.gazette.example/news/42
  heliograph explain /news/42 --site gazette -H 'Accept-Language: fa'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			asked := url.Values{"url": args, "method": {method}, "header": header}
			if site != "" {
				asked.Set("site", site)
			}
			text, explained, err := explain(c.Context(), admin, asked)
			switch {
			case err != nil:
				return err
			case asJSON:
				_, err = c.OutOrStdout().Write(text)
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), explanationText(explained))
			return err
		},
	}
	c.Flags().StringArrayVarP(&header, "header", "H", nil, "a `FIELD` of the request, Name: value; may be given several times")
	c.Flags().StringVar(&method, "method", http.MethodGet, "the request's `METHOD`")
	c.Flags().StringVar(&site, "site", "", "`NAME` of the site that a path is of")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&admin, "admin", "127.0.0.1:8081", "the edge's admin `ADDRESS`, or unix:/path")
	return c
}

// explain asks the edge. The text is its JSON.
func explain(ctx context.Context, admin string, asked url.Values) (text []byte, e console.ExplainStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	text, err = askAdmin(ctx, http.MethodGet, admin, "/api/v1/explain?"+asked.Encode(), nil)
	if err != nil {
		return nil, e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, e, fmt.Errorf("the edge on %s answers with something else than an explanation: %w", admin, err)
	}
	return text, e, nil
}
