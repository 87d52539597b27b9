package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliograph-edge/heliograph/configs"
)

// validateCommand checks configuration files without running anything.
func validateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check configuration files and print every mistake",
		Long: `Check configuration files, and the certificate files that they name, and print
every mistake with its file, line and column. Exit code 2 when there is one.`,
		Example: "  heliograph validate heliograph.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			all := &configs.Refusal{Mistakes: []configs.Mistake{}}
			for _, path := range files {
				mistakes, err := validate(path)
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

// validate returns the mistakes of one file.
func validate(path string) ([]configs.Mistake, error) {
	file, err := configs.Load(path)
	if err == nil {
		err = file.CheckFiles()
	}
	var refusal *configs.Refusal
	if errors.As(err, &refusal) {
		return refusal.Mistakes, nil
	}
	return nil, err
}
