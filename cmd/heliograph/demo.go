package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// scriptLength is how long the story takes unless --for says otherwise.
const scriptLength = 20 * time.Second

// demoFlags are the flags of demo.
type demoFlags struct {
	http, admin string
	log         string
	length      time.Duration
	script      bool
	json        bool
}

// demoCommand shows on loopback what an edge does when origins disappear.
func demoCommand() *cobra.Command {
	var flags demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Break and mend the origins of a small newspaper, and see what its readers get",
		Long: `Start a small invented newspaper on three loopback origins, an edge in front of
them, and a steady synthetic reader. Nothing is needed, and nothing leaves this
machine: no network, no configuration.

Type commands to break and mend origins, or use the admin API; the view shows
what readers get meanwhile. With --script a fixed story is told instead, and the
exit code is 1 if a reader saw an error or a page that is not the newspaper's.`,
		Example: `  heliograph demo
  heliograph demo --for 20s --script
  curl -X POST 'http://127.0.0.1:8081/api/v1/lab/primary/break?fault=block-page'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return &usageError{c.CommandPath(), err}
			}
			return flags.run(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&flags.http, "http", "", "serve readers on this `ADDRESS` (default 127.0.0.1:8080, with --script any free port)")
	c.Flags().StringVar(&flags.admin, "admin", "", "serve the admin API on this loopback `ADDRESS` (default 127.0.0.1:8081, with --script any free port)")
	c.Flags().StringVar(&flags.log, "log", "", "write the edge's log to this `FILE` (default a file that is removed at the end)")
	c.Flags().DurationVar(&flags.length, "for", 0, "end after this `TIME` (default never, with --script 20s)")
	c.Flags().BoolVar(&flags.script, "script", false, "tell a fixed story and sum it up")
	c.Flags().BoolVar(&flags.json, "json", false, "print the story's summary as JSON, and nothing else")
	return c
}

// check refuses flags that do not go together, and fills in the defaults.
func (f *demoFlags) check() error {
	switch {
	case f.json && !f.script:
		return errors.New("--json sums up a story: give --script, too")
	case f.length < 0:
		return fmt.Errorf("--for %s: give a time above zero", f.length)
	case f.script && f.length == 0:
		f.length = scriptLength
	}
	front, admin := "127.0.0.1:8080", "127.0.0.1:8081"
	if f.script {
		front, admin = "127.0.0.1:0", "127.0.0.1:0"
	}
	if f.http == "" {
		f.http = front
	}
	if f.admin == "" {
		f.admin = admin
	}
	return nil
}

// run opens the stage, shows what was asked for on it, and closes it.
func (f *demoFlags) run(ctx context.Context, in io.Reader, out, notes io.Writer) (err error) {
	s, err := openStage(stageOptions{http: f.http, admin: f.admin, log: f.log, notes: notes})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if f.script {
		return f.tell(ctx, s, out)
	}
	if f.length > 0 {
		limited, cancel := context.WithTimeout(ctx, f.length)
		defer cancel()
		ctx = limited
	}
	return newLive(s, out).run(ctx, readLines(ctx, in))
}

// tell tells the story on the stage and prints what came of it.
func (f *demoFlags) tell(ctx context.Context, s *stage, out io.Writer) error {
	told := out
	if f.json {
		told = io.Discard
	}
	fmt.Fprintf(told, "A newspaper on three origins, an edge at %s, and its readers, for %s.\n\n", s.front, f.length)
	summary, err := tellStory(ctx, s, gazetteStory(), f.length, told)
	if err != nil {
		return err
	}
	if f.json {
		err = summary.writeJSON(out)
	} else {
		err = summary.writeTable(out, s.aliases())
	}
	if err != nil {
		return err
	}
	return summary.verdict()
}

// onTerminal reports whether what is written can be drawn over.
func onTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isTerminal(file) && os.Getenv("TERM") != "dumb"
}
