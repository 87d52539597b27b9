package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// validateCommand checks configuration files without running anything.
func validateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check configuration files and print every mistake",
		Long: `Check configuration files, and the certificates and lists of fingerprints that they
name, and print every mistake with its file, line and column. Exit code 2 when there
is one. A broken row of a list is told of, and is no mistake: the rest is used.`,
		Example: "  heliograph validate heliograph.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			all := &configs.Refusal{Mistakes: []configs.Mistake{}}
			for _, path := range files {
				mistakes, err := validate(path, c.ErrOrStderr())
				if err != nil {
					return err
				}
				all.Mistakes = append(all.Mistakes, mistakes...)
				if len(mistakes) == 0 && !asJSON {
					fmt.Fprintf(c.OutOrStdout(), "%s: accepted\n", path)
				}
			}
			if asJSON {
				report := map[string]any{"accepted": len(all.Mistakes) == 0, "mistakes": all.Mistakes}
				if err := json.NewEncoder(c.OutOrStdout()).Encode(report); err != nil {
					return err
				}
			}
			if len(all.Mistakes) > 0 {
				return all
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the mistakes as JSON, too")
	return c
}

// validate returns the mistakes of one file. Rows of fingerprints that are left out are
// written to notes.
func validate(path string, notes io.Writer) ([]configs.Mistake, error) {
	file, err := configs.Load(path)
	if err == nil {
		err = file.CheckFiles()
	}
	var refusal *configs.Refusal
	if errors.As(err, &refusal) {
		return refusal.Mistakes, nil
	}
	if err != nil {
		return nil, err
	}
	var mistakes []configs.Mistake
	for i, list := range file.Fingerprints {
		_, broken, err := gate.LoadFile(list)
		for _, row := range broken {
			fmt.Fprintf(notes, "%s (left out)\n", printable(row.Error()))
		}
		if err != nil {
			mistakes = append(mistakes, configs.Mistake{
				File: path, Field: fmt.Sprintf("fingerprints[%d]", i), Problem: printable(err.Error()), Accepted: "OONI's CSV or Censored Planet's JSON Lines",
			})
		}
	}
	return mistakes, nil
}
