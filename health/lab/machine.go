package lab

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"
)

// What machines read: the feed, the API and robots.txt.

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Title   string      `xml:"title"`
	ID      string      `xml:"id"`
	Updated time.Time   `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Title   string    `xml:"title"`
	ID      string    `xml:"id"`
	Link    atomLink  `xml:"link"`
	Updated time.Time `xml:"updated"`
	Author  string    `xml:"author>name"`
	Summary string    `xml:"summary"`
}

func (n *newspaper) feed(w http.ResponseWriter, r *http.Request) {
	at := base(r)
	feed := atomFeed{
		Title: Marker, ID: at + "/", Updated: n.published,
		Links: []atomLink{
			{Rel: "self", Type: "application/atom+xml", Href: at + "/feed.xml"},
			{Rel: "alternate", Type: "text/html", Href: at + "/"},
		},
	}
	for _, story := range n.stories {
		feed.Entries = append(feed.Entries, atomEntry{
			Title: story.Title, ID: at + story.Path(), Link: atomLink{Href: at + story.Path()},
			Updated: story.Published, Author: story.Author, Summary: story.Summary,
		})
	}
	body, err := xml.MarshalIndent(feed, "", "  ")
	if err != nil {
		http.Error(w, fmt.Sprintf("cannot print the feed: %v", err), http.StatusInternalServerError)
		return
	}
	n.send(w, r, "application/atom+xml; charset=utf-8", append([]byte(xml.Header), body...))
}

type latestStory struct {
	Title     string    `json:"title"`
	URL       string    `json:"url"`
	Image     string    `json:"image"`
	Section   string    `json:"section"`
	Summary   string    `json:"summary"`
	Published time.Time `json:"published"`
}

func (n *newspaper) latest(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Publication string        `json:"publication"`
		Stories     []latestStory `json:"stories"`
	}{Publication: Marker}
	for _, story := range n.stories {
		answer.Stories = append(answer.Stories, latestStory{
			Title: story.Title, URL: base(r) + story.Path(), Image: base(r) + "/assets/" + story.Image,
			Section: story.Section.Name, Summary: story.Summary, Published: story.Published,
		})
	}
	body, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		http.Error(w, fmt.Sprintf("cannot print the latest stories: %v", err), http.StatusInternalServerError)
		return
	}
	n.send(w, r, "application/json", body)
}

func (n *newspaper) robots(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", assetCacheControl)
	n.send(w, r, "text/plain; charset=utf-8", fmt.Appendf(nil,
		"User-agent: *\nDisallow: /search\nDisallow: /login\nSitemap: %s/feed.xml\n", base(r)))
}
