package gate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	maxFile    = 16 << 20 // bytes of a fingerprint file
	maxPattern = 4 << 10  // bytes of one pattern
	maxPrints  = 20_000   // fingerprints of one file
	// maxBroken is how many broken rows a file may have before it is taken for
	// something else.
	maxBroken = 100
)

// RowError says what is wrong with one row of a fingerprint file. The row is
// left out and the rest used.
type RowError struct {
	File string
	// Line is where the row begins; Row counts records, the header not among them. Both begin at 1.
	Line, Row int
	Err       error
}

// Error is the mistake with its place.
func (e RowError) Error() string {
	return fmt.Sprintf("%s:%d: row %d: %s", e.File, e.Line, e.Row, e.Err)
}

// Unwrap is the mistake itself.
func (e RowError) Unwrap() error { return e.Err }

// LoadFile is Load of a file.
func LoadFile(path string) (*Set, []RowError, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	return Load(path, file)
}

// Load reads a list of fingerprints: the CSV of OONI where name ends in .csv,
// and else the JSON Lines of Censored Planet. A list of the latter whose name
// begins with false_positive holds what is found in good pages, too.
//
// A broken row is reported and left out. The error is for a file that cannot be
// used at all: unreadable, too large, or of another format.
func Load(name string, r io.Reader) (*Set, []RowError, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, nil, fmt.Errorf("%s: more than %d bytes", name, maxFile)
	}
	l := &loader{file: name, set: &Set{}}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		err = l.csv(data)
	} else {
		err = l.jsonLines(data)
	}
	if err != nil {
		return nil, l.broken, fmt.Errorf("%s: %w", name, err)
	}
	return l.set, l.broken, nil
}

// loader is one file on its way into a set.
type loader struct {
	file   string
	set    *Set
	row    int
	broken []RowError
}

// take adds a row's fingerprint, or its mistake.
func (l *loader) take(line int, f fingerprint, err error) error {
	if err == nil {
		err = f.ready()
	}
	switch {
	case err != nil && len(l.broken) == maxBroken:
		return fmt.Errorf("more than %d broken rows: this is no list of fingerprints", maxBroken)
	case err != nil:
		l.broken = append(l.broken, RowError{File: l.file, Line: line, Row: l.row, Err: err})
	case len(l.set.prints) == maxPrints:
		return fmt.Errorf("more than %d fingerprints", maxPrints)
	default:
		l.set.prints = append(l.set.prints, f)
	}
	return nil
}

// ready checks a fingerprint's pattern and compiles it.
func (f *fingerprint) ready() error {
	switch {
	case f.text == "":
		return errors.New("the pattern is empty")
	case len(f.text) > maxPattern:
		return fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	}
	if text, is := plainText(f.text); is && f.manner == mannerRegexp {
		f.manner, f.text = mannerContains, text
	}
	if f.manner == mannerRegexp {
		re, err := regexp.Compile("(?s)" + f.text)
		if err != nil {
			return err
		}
		f.re = re
		return nil
	}
	if len(f.text) < minLiteral && f.manner == mannerContains && f.place == placeBody {
		return fmt.Errorf("the pattern %q is shorter than %d bytes and would be found everywhere", f.text, minLiteral)
	}
	return nil
}

// jsonLines reads the format of Censored Planet.
func (l *loader) jsonLines(data []byte) error {
	benign := strings.HasPrefix(filepath.Base(l.file), "false_positive")
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxFile+1)
	for line := 1; lines.Scan(); line++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		l.row++
		var row struct{ Fingerprint, Pattern string }
		err := json.Unmarshal(text, &row)
		if err == nil && row.Fingerprint == "" {
			err = errors.New(`the row has no "fingerprint"`)
		}
		f := fingerprint{name: row.Fingerprint, kind: BlockPage, weight: censoredPlanetWeight(row.Fingerprint), benign: benign,
			place: placeBody, manner: mannerRegexp, text: row.Pattern}
		if err := l.take(line, f, err); err != nil {
			return err
		}
	}
	return lines.Err()
}

// censoredPlanetWeight reads the group out of a name: products, nations,
// providers and companies are known, the others are guesses.
func censoredPlanetWeight(name string) uint8 {
	if strings.HasPrefix(name, "e_") || strings.HasPrefix(name, "f_") {
		return 1
	}
	return 2
}
