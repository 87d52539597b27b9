package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/cache/replay"
	"github.com/heliograph-edge/heliograph/configs"
)

// leastSimulated is the smallest memory that a configuration may have.
const leastSimulated = 1 << 20

// cacheSimFlags are the flags of cache-sim.
type cacheSimFlags struct {
	memory   []string
	lifetime string
	json     bool
}

// cacheSimCommand replays access logs.
func cacheSimCommand() *cobra.Command {
	var flags cacheSimFlags
	c := &cobra.Command{
		Use:   "cache-sim FILE...",
		Short: "Replay access logs and say what memory would bring",
		Long: `Replay access logs against memories of several sizes, and print how many requests
and bytes each would have answered: with the policy of the edge, and with plain LRU
beside it. The last row is a memory without limit, which is as far as any can come.

FILE is a log of the edge itself (log: {format: json}), or one of another server in
common or combined format, with the virtual host in front or without; it may be
compressed with gzip, and - is standard input. Give several in the order of time. The
edge's own log has paths without queries: pages that differ in theirs count as one.

Only answers to GET count that may be stored without their header being known (200,
203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501), and 304. No reader's address is
kept or printed.

Exit code 0 when something was replayed, 1 when not, 2 for a wrong command line.`,
		Example: `  heliograph cache-sim access.log.2.gz access.log.1
  heliograph cache-sim --memory 64MiB,256MiB,1GiB --lifetime 10m access.log
  zcat /var/log/nginx/access.log.*.gz | heliograph cache-sim --json -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			sizes, lifetime, err := flags.parse()
			if err != nil {
				return &usageError{c.CommandPath(), err}
			}
			simulation := replay.NewSimulation(sizes, lifetime)
			progress := newLineProgress(c.ErrOrStderr())
			for _, name := range files {
				if err := replayFile(c.Context(), simulation, name, c.InOrStdin(), progress.at); err != nil {
					progress.end()
					return err
				}
			}
			progress.end()
			return flags.print(c.OutOrStdout(), simulation.Summary())
		},
	}
	c.Flags().StringSliceVar(&flags.memory, "memory", []string{"64MiB", "128MiB", "256MiB", "512MiB", "1GiB", "4GiB"}, "`SIZES` of memory to try")
	c.Flags().StringVar(&flags.lifetime, "lifetime", "", "a page older than this `DURATION` is fetched again; by default pages are always fresh")
	c.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return c
}

// parse reads the flags' values.
func (f *cacheSimFlags) parse() (sizes []int64, lifetime time.Duration, err error) {
	for _, text := range f.memory {
		size, err := configs.ParseSize(strings.TrimSpace(text))
		if err != nil {
			return nil, 0, fmt.Errorf("--memory: %w; give sizes such as 64MiB,1GiB", err)
		}
		if size < leastSimulated {
			return nil, 0, fmt.Errorf("--memory %s: an edge has 1MiB at least", text)
		}
		sizes = append(sizes, size)
	}
	if len(sizes) == 0 {
		return nil, 0, errors.New("--memory: give sizes such as 64MiB,1GiB")
	}
	if f.lifetime == "" {
		return sizes, 0, nil
	}
	lifetime, err = configs.ParseDuration(f.lifetime)
	if err == nil && lifetime <= 0 {
		err = errors.New("must be longer than nothing; leave it out where pages are always fresh")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("--lifetime: %w", err)
	}
	return sizes, lifetime, nil
}

// print writes the summary. Without a request it is an error.
func (f *cacheSimFlags) print(w io.Writer, s replay.Summary) error {
	err := printCacheSim(w, s, f.json)
	if err == nil && s.Requests == 0 {
		err = errors.New("nothing was replayed: no line is a request for a page that may be stored; give a log of the edge (JSON), or one in common or combined log format")
	}
	return err
}

// replayFile replays one log.
func replayFile(ctx context.Context, s *replay.Simulation, name string, stdin io.Reader, told func(int64)) error {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("the log cannot be read: %w", err)
		}
		defer file.Close()
		from = file
	} else {
		name = "stdin"
	}
	plain, err := unpacked(from)
	if err != nil {
		return fmt.Errorf("the log cannot be read: %s: %w", printable(name), err)
	}
	if err := s.Read(ctx, name, plain, told); err != nil {
		return fmt.Errorf("the log cannot be read: %w", err)
	}
	return nil
}

// unpacked is what is in a log, whether it is compressed or not.
func unpacked(from io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(from)
	if magic, _ := buffered.Peek(2); string(magic) != "\x1f\x8b" {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}

// lineProgress is the line that says how far a log was read.
type lineProgress struct {
	out  io.Writer // nil shows nothing
	next time.Time
}

// newLineProgress shows the progress on a terminal, and nowhere else. End it.
func newLineProgress(notes io.Writer) *lineProgress {
	if !onTerminal(notes) {
		notes = nil
	}
	return &lineProgress{out: notes}
}

// at shows how many lines were read.
func (p *lineProgress) at(lines int64) {
	if now := time.Now(); p.out != nil && now.After(p.next) {
		fmt.Fprintf(p.out, "\rreplaying… %d lines\x1b[K", lines)
		p.next = now.Add(progressPace)
	}
}

// end erases the line.
func (p *lineProgress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
