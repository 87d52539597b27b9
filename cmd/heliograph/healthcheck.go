package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// healthcheckTimeout is how long an edge may take to answer. It is loopback,
	// and a supervisor waits.
	healthcheckTimeout = 3 * time.Second
	// healthcheckLimit is how much of the answer is read: it is one line.
	healthcheckLimit = 1 << 10
)

// healthcheckCommand asks a running edge whether it serves readers. It is for
// images without a shell or curl.
func healthcheckCommand() *cobra.Command {
	var admin string
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running edge whether it serves readers, for containers and supervisors",
		Long: `Ask the edge that runs on this machine, over its admin listener, whether it serves
readers. Exit code 0 when it does, 1 when it does not or does not answer.`,
		Example: "  heliograph healthcheck\n  heliograph healthcheck --admin unix:/run/heliograph/admin.sock",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			said, err := askReady(c.Context(), admin)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), said)
			return err
		},
	}
	c.Flags().StringVar(&admin, "admin", "127.0.0.1:8081", "the edge's admin `ADDRESS`, or unix:/path")
	return c
}

// askReady returns what the edge says of itself when it serves readers, and an
// error when it does not.
func askReady(ctx context.Context, admin string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, transport, err := toAdmin(ctx, http.MethodGet, admin, "/readyz")
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("the edge does not answer on %s: %w", admin, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, healthcheckLimit))
	if err != nil {
		return "", fmt.Errorf("the edge broke off its answer on %s: %w", admin, err)
	}
	said := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the edge on %s is not ready: %d: %s", admin, response.StatusCode, said)
	}
	return said, nil
}

// toAdmin is a request to an edge's admin listener, and what sends it.
func toAdmin(ctx context.Context, method, admin, path string) (*http.Request, *http.Transport, error) {
	network, address, host := "tcp", admin, admin
	if path, ok := strings.CutPrefix(admin, "unix:"); ok {
		network, address, host = "unix", path, "heliograph"
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, nil)
	if err != nil || strings.Contains(admin, "://") {
		return nil, nil, fmt.Errorf("--admin %s is not an address such as 127.0.0.1:8081, or unix:/path", admin)
	}
	return request, &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}, nil
}
