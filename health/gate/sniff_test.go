package gate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatBeginsAsAPage(t *testing.T) {
	for body, is := range map[string]bool{
		"<!DOCTYPE html><p>": true, " \n<HTML>": true, "\xef\xbb\xbf<!-- a --><!-- b --><body class=x>": true, "<p>blocked": true, "<div\n>": true,
		"": false, "<": false, "<p": false, "<picture>": false, "{}": false, "var a = '<html>'": false, "<svg><title>": false, "<!-- open": false,
		"<?xml version='1.0'?><html>": false, "<!--\nvar a;\n//-->\nvar b": false,
	} {
		require.Equal(t, is, BeginsAsHTML([]byte(body)), body)
	}
}

func TestWhichXMLABrowserShowsAsAPage(t *testing.T) {
	for body, is := range map[string]bool{
		`<html xmlns="http://www.w3.org/1999/xhtml">`: true,
		"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x -->\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\">\n<html>": true,
		`<h:html xmlns:h="http://www.w3.org/1999/xhtml">`:                                   true,
		`<div lang="en" xmlns = 'http://www.w3.org/1999/xhtml'>`:                            true,
		`<h:body xmlns:h="http://www.w3.org/1999/xhtml"/>`:                                  true,
		`<urlset xmlns="urn:x" xmlns:xhtml="http://www.w3.org/1999/xhtml">`:                 false,
		`<rss version="2.0"><div xmlns="http://www.w3.org/1999/xhtml">`:                     false,
		`<svg xmlns="http://www.w3.org/2000/svg">`:                                          false,
		`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="http://www.w3.org/1999/xhtml">`: false,
		`{"html":1}`: false, "": false, "<": false, "<?xml": false, "<!-- ": false, `<a xmlns="`: false, `<a xmlns=`: false,
	} {
		require.Equal(t, is, BeginsAsXHTML([]byte(body)), body)
	}
	for kind, is := range map[string]bool{"text/xml": true, "Application/XML": true, "image/svg+XML": true, "text/html": false, "+xml": false, "": false} {
		require.Equal(t, is, IsXML(kind), kind)
	}
}
