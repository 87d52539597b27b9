package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/heliograph-edge/heliograph/configs"
)

// runFlags are the flags of run.
type runFlags struct {
	config             string
	http, https, admin string
	data               string
}

// runCommand serves.
func runCommand() *cobra.Command {
	var flags runFlags
	c := &cobra.Command{
		Use:   "run [ORIGIN...]",
		Short: "Serve a site from the best of its origins",
		Long: `Serve a site. The first ORIGIN is the primary, the others are its alternates; or a
configuration file says it all.

SIGTERM and SIGINT end it: requests under way have 30 s to end. SIGHUP reads the
configuration again.`,
		Example: `  heliograph run https://www.gazette.example https://gazette.example.net
  heliograph run -c /etc/heliograph/heliograph.yaml`,
		RunE: func(c *cobra.Command, origins []string) error {
			if err := flags.check(origins); err != nil {
				return &usageError{c.CommandPath(), err}
			}
			e, err := startEdge(edgeOptions{log: os.Stderr, load: func() (*configs.File, error) { return flags.load(c, origins) }})
			if err != nil {
				return err
			}
			return e.runUntil(c.Context())
		},
	}
	c.Flags().StringVarP(&flags.config, "config", "c", "", "configuration `FILE`")
	c.Flags().StringVar(&flags.http, "http", "", "serve readers over HTTP on this `ADDRESS` (default 127.0.0.1:8080)")
	c.Flags().StringVar(&flags.https, "https", "", "serve readers over HTTPS on this `ADDRESS`; without tls in a file, by an internal authority")
	c.Flags().StringVar(&flags.admin, "admin", "", "serve metrics and the admin API on this loopback `ADDRESS` (default 127.0.0.1:8081)")
	c.Flags().StringVar(&flags.data, "data", "", "keep what survives a restart in this `DIRECTORY`")
	return c
}

// check refuses a command line that says nothing, or two things.
func (f *runFlags) check(origins []string) error {
	switch {
	case f.config == "" && len(origins) == 0:
		return errors.New("nothing to serve: give origins, or a configuration file with -c")
	case f.config != "" && len(origins) > 0:
		return errors.New("give origins or a configuration file, not both")
	}
	return nil
}

// load reads the configuration and applies the flags to it.
func (f *runFlags) load(c *cobra.Command, origins []string) (*configs.File, error) {
	var file *configs.File
	var err error
	if f.config != "" {
		file, err = configs.Load(f.config)
	} else {
		file, err = configs.FromOrigins(origins)
	}
	if err != nil {
		return nil, err
	}
	for _, flag := range []struct {
		name  string
		value string
		to    *string
	}{
		{"http", f.http, &file.Listen.HTTP}, {"https", f.https, &file.Listen.HTTPS},
		{"admin", f.admin, &file.Listen.Admin}, {"data", f.data, &file.Data},
	} {
		if c.Flags().Changed(flag.name) {
			*flag.to = flag.value
		}
	}
	if f.https != "" && file.TLS.Email == "" && len(file.TLS.Files) == 0 {
		file.TLS.Internal = true
	}
	if err := file.Check(); err != nil {
		return nil, err
	}
	return file, file.CheckFiles()
}

// runUntil serves until ctx ends or a listener breaks, and reloads on SIGHUP.
func (e *edge) runUntil(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	e.notify(daemon.SdNotifyReady)
	for {
		select {
		case <-hangup:
			e.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonic()))
			_ = e.Reload() // logged and counted there; the old configuration runs on
			e.notify(daemon.SdNotifyReady)
		case <-ctx.Done():
			e.notify(daemon.SdNotifyStopping)
			e.log.Info("draining", "drain", e.endReloads().String())
			e.Shutdown()
			return nil
		case err := <-e.failed:
			e.Shutdown()
			return err
		}
	}
}

// notify tells the service manager, where there is one.
func (e *edge) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		e.log.Warn("the service manager could not be told", "state", state, "error", err)
	}
}

// monotonic is the clock that systemd compares reloads by, in microseconds.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0
	}
	return now.Nano() / 1000
}
