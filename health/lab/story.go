package lab

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// section is one part of the newspaper.
type section struct{ Name, Title string }

// sections lists them in the order of the navigation.
func sections() []section {
	return []section{
		{"news", "News"},
		{"harbour", "The Harbour"},
		{"culture", "Culture"},
		{"weather", "Weather and Tides"},
	}
}

// story is one article.
type story struct {
	Slug       string
	Section    section
	Title      string
	Author     string
	Summary    string
	Image      string // name of an asset
	Published  time.Time
	Paragraphs []string
}

// Path is the article's address on every origin.
func (s story) Path() string { return "/" + s.Section.Name + "/" + s.Slug }

func (s story) mentions(query string) bool {
	text := strings.ToLower(s.Title + " " + s.Summary + " " + strings.Join(s.Paragraphs, " "))
	return strings.Contains(text, strings.ToLower(query))
}

// readStories reads the edition's stories, newest first.
func readStories(edition fs.FS) ([]story, error) {
	files, err := fs.Glob(edition, "gazette/stories/*.txt")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("found no stories in the edition: %v", err)
	}
	var stories []story
	for _, file := range files {
		text, err := fs.ReadFile(edition, file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the story %s: %w", file, err)
		}
		s, err := parseStory(strings.TrimSuffix(path.Base(file), ".txt"), string(text))
		if err != nil {
			return nil, fmt.Errorf("cannot read the story %s: %w", file, err)
		}
		stories = append(stories, s)
	}
	slices.SortStableFunc(stories, func(a, b story) int { return b.Published.Compare(a.Published) })
	return stories, nil
}

// parseStory reads a story's file: lines of "field: value", then paragraphs,
// all separated by empty lines.
func parseStory(slug, text string) (story, error) {
	s := story{Slug: slug}
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	for line := range strings.Lines(blocks[0]) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if err := s.set(field, value); err != nil {
			return story{}, err
		}
	}
	for _, paragraph := range blocks[1:] {
		s.Paragraphs = append(s.Paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	if s.Title == "" || s.Section.Name == "" || s.Published.IsZero() || len(s.Paragraphs) == 0 {
		return story{}, fmt.Errorf("a story needs title, section, published and text")
	}
	return s, nil
}

func (s *story) set(field, value string) error {
	switch field {
	case "title":
		s.Title = value
	case "author":
		s.Author = value
	case "summary":
		s.Summary = value
	case "image":
		s.Image = value
	case "published":
		published, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return err
		}
		s.Published = published
	case "section":
		i := slices.IndexFunc(sections(), func(known section) bool { return known.Name == value })
		if i < 0 {
			return fmt.Errorf("no section is named %q", value)
		}
		s.Section = sections()[i]
	default:
		return fmt.Errorf("a story has no field %q", field)
	}
	return nil
}
