package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// stateFile is the path of a JSON file that lets a restart go on where the last run
// ended. Losing it never prevents a start.
type stateFile string

// load hands the content to parse. A missing file is no error, and parse is not
// called. A file that parse refuses is renamed to path.broken, and the error says so.
func (f stateFile) load(parse func([]byte) error) error {
	content, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err = parse(content); err == nil {
		return nil
	}
	broken := string(f) + ".broken"
	if moved := os.Rename(string(f), broken); moved != nil {
		return fmt.Errorf("%s is ignored, and could not be put aside, remove it: %w", f, errors.Join(err, moved))
	}
	return fmt.Errorf("%s is ignored, and kept as %s: %w", f, broken, err)
}

// save writes a value, readable by its owner alone. A reader of the file sees the old
// content or the new, never a part.
func (f stateFile) save(value any) error {
	content, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		return err
	}
	return replace(string(f), append(content, '\n'), 0o600)
}
