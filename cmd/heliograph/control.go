package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// controlTimeout is how long a control URL may take. The path to it is compared with
// origins that had a few seconds too.
const controlTimeout = 5 * time.Second

// controlLook returns what asks the control URLs whether this edge's own network
// works: it does when one of them answers, whatever its status. Each is asked over a new
// connection, and its certificate is verified like any other: a captive portal that
// answers in its place proves nothing.
func controlLook(urls []*url.URL) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, controlTimeout)
		defer cancel()
		answers := make(chan error, len(urls))
		for _, u := range urls {
			// Ends with ctx, and has room in answers.
			go func() { answers <- ask(ctx, u) }()
		}
		var failures []error
		for range urls {
			err := <-answers
			if err == nil {
				return nil
			}
			failures = append(failures, err)
		}
		return errors.Join(failures...)
	}
}

// ask sends one HEAD, and follows no redirect.
func ask(ctx context.Context, u *url.URL) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "heliograph/"+version+" (control)")
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the control URL %s did not answer: %w", u, err)
	}
	return response.Body.Close()
}
