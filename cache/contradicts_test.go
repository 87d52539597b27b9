package cache

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPageInPlaceOfAFileContradictsItsPath(t *testing.T) {
	const page = "text/html; charset=utf-8"
	for _, target := range []string{
		"/account/x.css", "/account/x.CSS", "/account/x.js", "/account/x.mjs", "/account/x.json", "/account/x.png", "/account/x.jpg",
		"/account/x.gif", "/account/x.webp", "/account/x.avif", "/account/x.svg", "/favicon.ico", "/account/x.woff", "/account/x.woff2",
		"/account/x.ttf", "/account/x.mp4", "/account/x.mp3", "/account/x.pdf", "/account/x.zip", "/account/x.txt", "/account/x.wasm",
		"/account/x.css?a=b", "/account/x.css?", "/account;x.css", "/account;a=b;x.css", "/account%3Bx.css", "/account%3bx.css",
		"/account%2Fx.css", "/account%2fx.css", "/account%252fx.css", "/account%25252fx.css", "/account%00x.css", "/account%0Ax.css",
		"/account%0d%0ax.css", "/account%09x.css", "/account%23x.css", "/account%3Fx.css", "/account%253Fx.css", "/account%5Cx.css",
		`/account\x.css`, "/account!x.css", "/account,x.css", "/account|x.css", "/account&x.css", "/x.css.", "/x.css..", "/x.css%20", "/x.css/",
		"/x.css%2F", "/x.css//", "/x.css/.", "/x.css%2e", "/x.css;", "/x.css;v=1", "/x.css%00", "/x.css%3Fa=b", "/x.css%23top", "/x.css%0A",
		"/x.css~", "/x.css%7e", "/x.jpg@b", "/x.jpg%40b", "/x.jpg$b", "/x.jpg%24b", "/account@x.css", "/account$x.css", "/account~x.css",
		"/x.apng", "/x.jfif", "/x.aiff", "/x.mpg", "/x.mpeg", "/x.wmv", "/x.m3u", "/x.pls", "/x.pict", "/x.vtt", "/x.srt", "/x.less", "/x.rpm",
		"/x.deb", "/x.rss", "/x.ejs", "/account/x:y.png", "/account/File%3A/x.png",
		"/x.css%2500", "/account/.css", "/account.php/x.css", "/account/x.tar.gz", "/account/x%2ecss", "/account/x.c%73s", "/account/%2e%2e%2fx.css",
	} {
		require.True(t, Contradicts(target, page), target)
		require.False(t, Contradicts(target, ""), "%s without a type", target)
		require.False(t, Contradicts(target, "application/octet-stream"), target)
		require.False(t, Contradicts(target, "text/plain"), target)
	}
}

func TestWhatAFileIsServedAsContradictsNothing(t *testing.T) {
	for target, kinds := range map[string][]string{
		"/a.css":              {"text/css", "text/css;charset=utf-8", "TEXT/CSS", "text/plain"},
		"/a.js":               {"text/javascript", "application/javascript", "application/x-javascript; charset=utf-8", "text/plain"},
		"/a.json":             {"application/json", "application/ld+json", "text/javascript", "application/manifest+json"},
		"/a.js.map":           {"application/json", "application/octet-stream"},
		"/a.jpg":              {"image/jpeg", "image/webp", "image/avif"},
		"/a.gif":              {"image/gif", "video/mp4"},
		"/a.svg":              {"image/svg+xml", "text/xml", "application/xml"},
		"/a.ico":              {"image/x-icon", "image/vnd.microsoft.icon", "image/png"},
		"/a.woff2":            {"font/woff2", "application/font-woff2", "application/x-font-woff", "application/vnd.ms-fontobject"},
		"/a.mp4":              {"video/mp4", "audio/mp4", "application/mp4"},
		"/a.ogg":              {"application/ogg", "audio/ogg"},
		"/a.ts":               {"video/mp2t", "text/javascript", "application/typescript"},
		"/a.m3u8":             {"application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegURL"},
		"/a.mpd":              {"application/dash+xml"},
		"/a.pdf":              {"application/pdf", "application/x-pdf"},
		"/a.docx":             {"application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		"/download.zip":       {"application/octet-stream", "application/zip", "application/x-zip-compressed", "application/force-download"},
		"/a.csv":              {"text/csv", "application/vnd.ms-excel"},
		"/a.txt":              {"text/plain", "text/x-log"},
		"/a.wasm":             {"application/wasm"},
		"/a.css;v=1":          {"text/css"},
		"/a.css/":             {"text/css"},
		"/feed.xml":           {"text/html", "application/rss+xml", "application/json"},
		"/feed.rss":           {"application/rss+xml", "application/xml", "text/xml", "text/plain"},
		"/a.apng":             {"image/apng", "image/png"},
		"/a.aiff":             {"audio/aiff", "audio/x-aiff"},
		"/a.mpg":              {"video/mpeg", "application/octet-stream"},
		"/a.m3u":              {"audio/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl"},
		"/a.pls":              {"audio/x-scpls", "application/pls+xml"},
		"/a.vtt":              {"text/vtt", "text/plain", "application/octet-stream"},
		"/a.srt":              {"application/x-subrip", "text/srt"},
		"/a.less":             {"text/css", "text/plain"},
		"/a.rpm":              {"application/x-rpm", "application/x-redhat-package-manager"},
		"/a.deb":              {"application/vnd.debian.binary-package", "application/x-debian-package"},
		"/page.html":          {"text/html", "application/json"},
		"/news.php":           {"text/html", "image/png"},
		"/v1.2":               {"text/html"},
		"/news/2025.03.01":    {"text/html"},
		"/":                   {"text/html"},
		"/news/":              {"text/html"},
		"/a.css/about":        {"text/html"},
		"/tags/node.js/":      {"text/html"},
		"/search?q=x.css":     {"text/html"},
		"/css":                {"text/html"},
		"/mail/ops@a.example": {"text/html"},
		"/%zz.html":           {"text/html"},
	} {
		for _, kind := range kinds {
			require.False(t, Contradicts(target, kind), "%s as %s", target, kind)
		}
	}
}

func TestDataAndPicturesContradictOtherFiles(t *testing.T) {
	for target, kind := range map[string]string{
		"/me/x.css": "application/json", "/me/x.png": "application/json; charset=utf-8", "/me/x.js": "application/problem+json",
		"/me/x.jpg": "text/xml", "/me/y.css": "image/png", "/me/x.pdf": "image/png", "/me/x.zip": "text/javascript", "/me/x.woff": "text/css",
		"/me/x.json": "text/html", "/me/x.mp3": "text/csv", "/me/x:y.css": "text/html", "/me/x:y.png": "text/html",
		"/wiki/File:harbour.jpg": "text/html", "/account/File:y.png": "text/html", "/account/Datei%3Ay.png": "text/html",
		"/me/File:z.png": "application/json", "/feed.rss": "text/html", "/me/x.pls": "text/html", "/me/z.svg": "application/xhtml+xml",
	} {
		require.True(t, Contradicts(target, kind), "%s as %s", target, kind)
	}
}

func FuzzContradicts(f *testing.F) {
	f.Add("/account%2fx.css?a", "text/html")
	f.Add("%", ";")
	f.Fuzz(func(t *testing.T, target, kind string) {
		path, _, _ := strings.Cut(target, "?")
		require.Equal(t, Contradicts(path, kind), Contradicts(target, kind), "a query changes nothing")
		require.False(t, Contradicts(target, ""))
	})
}
