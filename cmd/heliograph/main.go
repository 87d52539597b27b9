package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/configs"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // what was asked for did not succeed
	exitRefused = 2 // the command line or the configuration was refused
)

func main() { os.Exit(run()) }

// run executes the command line and returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	err := root.ExecuteContext(ctx)
	var refusal *configs.Refusal
	var usage *usageError
	var quiet *quietError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &quiet):
		return exitFailed // the command has said it already
	case errors.As(err, &refusal):
		fmt.Fprintln(os.Stderr, refusal.Error())
		return exitRefused
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "heliograph: %v\nRun '%s --help' for what is accepted.\n", err, usage.command)
		return exitRefused
	}
	fmt.Fprintf(os.Stderr, "heliograph: %v\n", err)
	return exitFailed
}

// usageError is a command line that was refused.
type usageError struct {
	command string
	err     error
}

// Error implements error.
func (e *usageError) Error() string { return e.err.Error() }

// quietError fails a command that has told its own story.
type quietError struct{ error }

// rootCommand returns the whole command line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "heliograph",
		Short: "Keep a publication readable when its domain is blocked, poisoned, seized or down",
		Long: `Heliograph is a caching proxy that knows every address a publication lives at.
It serves readers from the best of them, keeps what it fetched, and shows what it sees.`,
		Example:       "  heliograph demo\n  heliograph run https://www.gazette.example https://gazette.example.net",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(runCommand(), demoCommand(), checkCommand(), canaryCommand(), validateCommand(), healthcheckCommand(), cacheSimCommand(), clearCommand(), versionCommand())
	root.AddCommand(purgeCommand(), explainCommand())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), err} })
	refuseArguments(root)
	return root
}

// refuseArguments makes usage errors of the arguments that a command, or one under
// it, does not take.
func refuseArguments(c *cobra.Command) {
	if args := c.Args; args != nil {
		c.Args = func(c *cobra.Command, given []string) error {
			if err := args(c, given); err != nil {
				return &usageError{c.CommandPath(), err}
			}
			return nil
		}
	}
	for _, below := range c.Commands() {
		refuseArguments(below)
	}
}
