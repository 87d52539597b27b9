package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is readers who read the same pages for as long as they are let.
type crowd struct {
	base  string
	pages map[string]string // what each path must be

	read    atomic.Int64
	failed  atomic.Int64
	mu      sync.Mutex // guards mistake
	mistake string     // the first
}

// Run reads until ctx ends. Each reader finishes the page under way.
func (c *crowd) Run(ctx context.Context, readers int) {
	transport := &http.Transport{MaxIdleConnsPerHost: readers}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for ctx.Err() == nil {
				for path, page := range c.pages {
					c.note(c.readOne(transport, path, page))
				}
				time.Sleep(10 * time.Millisecond) // a steady load, not a flood
			}
		})
	}
	all.Wait()
}

// readOne reads one page and says what is wrong with it. The query makes it a page
// that no cache has.
func (c *crowd) readOne(transport *http.Transport, path, page string) error {
	url := fmt.Sprintf("http://%s%s?reading=%d", c.base, path, c.read.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: after %d bytes: %w", url, len(body), err)
	case response.StatusCode != http.StatusOK || string(body) != page:
		return fmt.Errorf("%s: %s, %d bytes, %v", url, response.Status, len(body), response.Header)
	}
	return nil
}

// note counts what went wrong and keeps the first.
func (c *crowd) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed.Add(1) == 1 {
		c.mistake = err.Error()
	}
}
