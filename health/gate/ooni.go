package gate

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// csv reads the format of OONI. After a row that is broken, reading goes on at
// the line after its first: a quote that was never closed must not swallow the rest.
func (l *loader) csv(data []byte) error {
	rows := csvRows{data: data, line: 1}
	header, err := rows.next()
	if err != nil {
		return fmt.Errorf("no row of column names: %w", err)
	}
	at, err := findColumns(header)
	if err != nil {
		return err
	}
	for {
		record, err := rows.next()
		if err == io.EOF {
			return nil
		}
		l.row++
		var f fingerprint
		if err == nil {
			f, err = at.fingerprint(record)
		}
		broken := len(l.broken)
		if err := l.take(rows.begin, f, err); err != nil {
			return err
		}
		if len(l.broken) > broken {
			rows.resume()
		}
	}
}

// csvRows reads records one by one and can go back.
type csvRows struct {
	data []byte // from the next record on
	line int    // on which data begins
	// row and begin are the record last read: its bytes and whatever follows, and its line.
	row   []byte
	begin int
}

// next reads a record. Empty lines are none.
func (r *csvRows) next() ([]string, error) {
	for len(r.data) > 0 && (r.data[0] == '\n' || r.data[0] == '\r') {
		r.line += bytes.Count(r.data[:1], []byte("\n"))
		r.data = r.data[1:]
	}
	r.row, r.begin = r.data, r.line
	reader := csv.NewReader(bytes.NewReader(r.data))
	reader.FieldsPerRecord = -1
	record, err := reader.Read()
	if err == io.EOF {
		return nil, err
	}
	r.move(int(reader.InputOffset()))
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		err = parse.Err // its line counts from this record
	}
	return record, err
}

// resume goes back to the line after the first of the record last read.
func (r *csvRows) resume() {
	r.data, r.line = r.row, r.begin
	if i := bytes.IndexByte(r.data, '\n'); i >= 0 {
		r.move(i + 1)
	} else {
		r.move(len(r.data))
	}
}

// move goes on by n bytes.
func (r *csvRows) move(n int) {
	r.line += bytes.Count(r.data[:n], []byte("\n"))
	r.data = r.data[n:]
}

// columns are the places of what is read of a row; scope and confidence may be absent.
type columns struct {
	name, location, manner, pattern, scope, confidence int
}

// findColumns reads the row of column names.
func findColumns(header []string) (columns, error) {
	at := columns{
		name:       slices.Index(header, "name"),
		location:   slices.Index(header, "location_found"),
		manner:     slices.Index(header, "pattern_type"),
		pattern:    slices.Index(header, "pattern"),
		scope:      slices.Index(header, "scope"),
		confidence: slices.Index(header, "confidence_no_fp"),
	}
	if at.name < 0 || at.location < 0 || at.manner < 0 || at.pattern < 0 {
		return at, errors.New("the first row does not name the columns name, location_found, pattern_type and pattern")
	}
	return at, nil
}

// fingerprint reads a row.
func (at columns) fingerprint(record []string) (fingerprint, error) {
	f := fingerprint{kind: BlockPage, weight: 2}
	if last := max(at.name, at.location, at.manner, at.pattern, at.scope, at.confidence); len(record) <= last {
		return f, fmt.Errorf("the row has %d fields and should have %d at least", len(record), last+1)
	}
	f.name, f.text = record[at.name], record[at.pattern]
	if f.name == "" {
		return f, errors.New("the row has no name")
	}
	if err := f.locate(record[at.location]); err != nil {
		return f, err
	}
	var known bool
	if f.manner, known = map[string]manner{"contains": mannerContains, "prefix": mannerPrefix, "full": mannerFull,
		"regexp": mannerRegexp}[record[at.manner]]; !known {
		return f, fmt.Errorf("pattern_type %q is none of contains, prefix, full, regexp", record[at.manner])
	}
	if at.scope >= 0 {
		f.benign = record[at.scope] == "fp"
		if record[at.scope] == "vbw" { // vague blocking words
			f.weight = 1
		}
	}
	if at.confidence >= 0 && record[at.confidence] != "" {
		sure, err := strconv.Atoi(record[at.confidence])
		if err != nil || sure < 0 || sure > 10 {
			return f, fmt.Errorf("confidence_no_fp %q is no number from 0 to 10", record[at.confidence])
		}
		if sure >= 8 {
			f.weight++
		}
	}
	return f, nil
}

// locate reads location_found.
func (f *fingerprint) locate(location string) error {
	field, isHeader := strings.CutPrefix(location, "header.")
	switch {
	case location == "body":
		f.place = placeBody
	case isHeader && field != "":
		f.place, f.field = placeHeader, textproto.CanonicalMIMEHeaderKey(field)
	case location == "dns":
		return errors.New("location_found is dns: answers of resolvers are not judged here")
	default:
		return fmt.Errorf("location_found %q is neither body nor header.NAME", location)
	}
	return nil
}
