package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/heliograph-edge/heliograph/configs"
	"github.com/heliograph-edge/heliograph/health/probe"
)

// parseLinks reads the URLs of a command line.
func parseLinks(urls []string) ([]*url.URL, error) {
	var links []*url.URL
	var origins []string
	for _, text := range urls {
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, errors.New("one of the URLs is none; it is not repeated here, since it may hold a password")
		}
		if u.User != nil {
			return nil, fmt.Errorf("%.100q has a user name or password", u.Redacted())
		}
		u.Host, u.Fragment = strings.ToLower(u.Host), ""
		if u.Path == "" {
			u.Path = "/"
		}
		links = append(links, u)
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	for _, origin := range origins { // each by itself: one may be given twice, with two paths
		if _, err := configs.FromOrigins([]string{origin}); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// ofPublication tells a target which hosts and names are the publication's: those of
// the URLs, and those that differ by www alone.
func ofPublication(t probe.Target, links []*url.URL) probe.Target {
	t.Hosts, t.OtherNames = nil, nil
	for _, u := range links {
		t.Hosts = append(t.Hosts, besideWWW(u.Host)...)
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			t.OtherNames = append(t.OtherNames, u.Hostname())
		}
	}
	t.Known.Hosts = nil
	for _, host := range t.Hosts {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		t.Known.Hosts = append(t.Known.Hosts, host)
	}
	return t
}

// besideWWW is a host, and the one that differs by www alone: a site that sends its
// visitors from the one to the other has not left itself.
func besideWWW(host string) []string {
	if apex, is := strings.CutPrefix(host, "www."); is {
		return []string{host, apex}
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []string{host}
	}
	return []string{host, "www." + host}
}
