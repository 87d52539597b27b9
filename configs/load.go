package configs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads the file at path and checks it as [Parse] does. The error is a
// [*Refusal] when the file was read but is not accepted.
func Load(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	defer file.Close()
	// One byte over the bound is enough to be refused for it.
	text, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads a configuration out of text and checks it. Relative paths in it are
// resolved against the directory of path, which also names the file in mistakes;
// text is kept nowhere. The error is a [*Refusal].
func Parse(path string, text []byte) (*File, error) {
	f := defaults()
	f.Path = path
	root, mistake := parseYAML(text)
	if mistake != nil {
		mistake.File = path
		return nil, refusal([]Mistake{*mistake})
	}
	r := &reader{source: source{positions: map[string]position{}, refused: map[string]bool{}}}
	if root != nil {
		r.positions[""] = positionOf(root)
		schema(f).read(r, root, "")
	}
	f.source = r.source
	f.complete(filepath.Dir(path))
	mistakes := slices.Concat(r.mistakes, f.mistakes())
	explain(mistakes)
	for i := range mistakes {
		mistakes[i].File = path
	}
	if err := refusal(mistakes); err != nil {
		return nil, err
	}
	return f, nil
}

// FromOrigins is the configuration of one site with the given origins, the
// primary first, and defaults for everything else. The error is a [*Refusal]
// whose fields are "argument 1", "argument 2" and so on.
func FromOrigins(origins []string) (*File, error) {
	f := defaults()
	site := siteDefaults()
	f.source.refused = map[string]bool{}
	var mistakes []Mistake
	for i, argument := range origins {
		u, err := parseURL(argument)
		if err != nil {
			field := originField(0, i)
			f.source.refused[field] = true
			mistakes = append(mistakes, Mistake{Field: field, Problem: err.Error()})
		}
		site.Origins = append(site.Origins, Origin{URL: u})
	}
	f.Sites = []Site{site}
	f.complete("")
	mistakes = append(mistakes, f.mistakes()...)
	explain(mistakes)
	for i := range mistakes {
		mistakes[i].nameArguments(len(origins))
	}
	if err := refusal(mistakes); err != nil {
		return nil, err
	}
	return f, nil
}

// nameArguments turns the fields of a file into what the command line has: in
// one that is not about its origins, nothing changes.
func (m *Mistake) nameArguments(arguments int) {
	for i := range arguments {
		field, argument := originField(0, i), fmt.Sprintf("argument %d", i+1)
		if m.Field == field || strings.HasPrefix(m.Field, field+".") {
			m.Field, m.Accepted = argument, acceptedOrigin
		}
		if about, found := strings.CutSuffix(m.Problem, field); found {
			m.Problem = about + argument
		}
	}
	if m.Field == "sites[0].origins" {
		m.Field, m.Accepted = "arguments", "one URL or more, the primary first, such as https://www.gazette.example"
	}
}

// complete fills in what is derived from other values, and resolves relative
// paths against directory.
func (f *File) complete(directory string) {
	if f.Data == "" && !f.source.gives("data") {
		f.Data = stateDirectory(os.Getenv, os.Geteuid())
	}
	rooted(&f.Data, directory)
	for i := range f.TLS.Files {
		rooted(&f.TLS.Files[i].Cert, directory)
		rooted(&f.TLS.Files[i].Key, directory)
	}
	for i := range f.Fingerprints {
		rooted(&f.Fingerprints[i], directory)
	}
	for i := range f.Sites {
		f.completeSite(i, directory)
	}
}

func (f *File) completeSite(i int, directory string) {
	s := &f.Sites[i]
	for j := range s.Fronts {
		s.Fronts[j] = strings.ToLower(s.Fronts[j])
	}
	for j := range s.Origins {
		o := &s.Origins[j]
		rooted(&o.CA, directory)
		if o.URL != nil && !f.source.gives(originField(i, j)+".name") {
			o.Name = o.URL.String()
		}
	}
	primary := s.primary()
	if primary == nil {
		return
	}
	if !f.source.gives(siteField(i) + ".name") {
		s.Name = siteName(primary)
	}
	if !f.source.gives(siteField(i) + ".canonical") {
		canonical := *primary
		s.Canonical = &canonical
	}
}

// rooted makes a relative path begin at directory.
func rooted(path *string, directory string) {
	if *path != "" && !filepath.IsAbs(*path) {
		*path = filepath.Join(directory, *path)
	}
}

// stateDirectory is where state is kept when the file does not say: under the
// state home of the XDG base directory specification, which has relative paths
// ignored, or where root's services keep theirs. It is empty when there is no
// such place.
func stateDirectory(getenv func(string) string, user int) string {
	home := getenv("HOME")
	switch state := getenv("XDG_STATE_HOME"); {
	case filepath.IsAbs(state):
		return filepath.Join(state, "heliograph")
	case user == 0:
		return "/var/lib/heliograph"
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local", "state", "heliograph")
	default:
		return ""
	}
}
