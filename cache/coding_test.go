package cache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiateCoding(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  string // in Content-Encoding
	}{
		{"§12.5.3 without the field any coding is acceptable, and none is sent", nil, ""},
		{"§12.5.3 an empty field accepts identity only", []string{""}, ""},
		{"§12.5.3 one that is named", []string{"gzip"}, "gzip"},
		{"§8.4.1.3 x-gzip is gzip", []string{"x-gzip"}, "gzip"},
		{"§8.4.1 codings are matched in any case", []string{"GZip"}, "gzip"},
		{"among equals the best for text", []string{"gzip, deflate, br, zstd"}, "br"},
		{"among equals zstd before gzip", []string{"gzip, zstd"}, "zstd"},
		{"§12.4.2 the highest weight", []string{"br;q=0.5, gzip;q=0.8, zstd;q=0.79"}, "gzip"},
		{"§12.4.2 thousandths count", []string{"br;q=0.123, gzip;q=0.124"}, "gzip"},
		{"§12.4.2 without a weight it is 1", []string{"br;q=0.999, gzip"}, "gzip"},
		{"§12.4.2 zero is not acceptable", []string{"br;q=0, gzip;q=0.000, zstd;q=0.001"}, "zstd"},
		{"§12.4.2 blanks around the weight", []string{"gzip ; q=0.2 , br ;\tq=0.1"}, "gzip"},
		{"§12.4.2 Q is q", []string{"br;Q=0, gzip;Q=0.5"}, "gzip"},
		{"a weight beyond 1 cannot be read", []string{"br;q=2, gzip;q=0.1"}, "gzip"},
		{"a weight of four digits cannot be read", []string{"br;q=0.9999, gzip;q=0.1"}, "gzip"},
		{"a weight that is no number cannot be read", []string{"br;q=high, gzip;q=0.1"}, "gzip"},
		{"a negative weight cannot be read", []string{"br;q=-1, gzip;q=0.1"}, "gzip"},
		{"an empty weight cannot be read", []string{"br;q=, gzip;q=0.1"}, "gzip"},
		{"a weight of 1 with a fraction is 1", []string{"br;q=1.000, gzip;q=0.999"}, "br"},
		{"other parameters are not weights", []string{"br;level=5, gzip;q=0.5"}, "br"},
		{"§12.5.3 the star is every coding that is not named", []string{"br;q=0, *"}, "zstd"},
		{"§12.5.3 the star alone", []string{"*"}, "br"},
		{"§12.5.3 a star of weight zero refuses the others", []string{"*;q=0, gzip"}, "gzip"},
		{"§12.5.3 the star has a weight", []string{"*;q=0.5, gzip;q=0.6"}, "gzip"},
		{"§12.5.3 identity may weigh more", []string{"gzip;q=0.5, identity"}, ""},
		{"identity that weighs the same is not preferred", []string{"identity, gzip"}, "gzip"},
		{"identity that weighs less", []string{"identity;q=0.1, gzip;q=0.2"}, "gzip"},
		{"§12.5.3 identity refused", []string{"identity;q=0, gzip;q=0.1"}, "gzip"},
		{"nothing acceptable is answered all the same", []string{"identity;q=0"}, ""},
		{"nothing acceptable under a star is answered all the same", []string{"*;q=0"}, ""},
		{"a coding that is unknown here", []string{"deflate, compress"}, ""},
		{"§5.3 several lines are one list", []string{"deflate", "gzip;q=0.3", "zstd;q=0.4"}, "zstd"},
		{"what is named twice has the lesser weight", []string{"gzip, gzip;q=0, zstd;q=0.1"}, "zstd"},
		{"empty members are nothing", []string{",, ,gzip,,"}, "gzip"},
		{"a coding that begins like another", []string{"gzipped, brotli, zstandard"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, negotiate(test.lines).name())
			require.Zero(t, testing.AllocsPerRun(10, func() { negotiate(test.lines) }))
		})
	}
}

func FuzzNegotiateCoding(f *testing.F) {
	f.Add("gzip;q=0.5, br")
	f.Add(`*;q=0, "zstd", identity;;q`)
	f.Fuzz(func(t *testing.T, line string) {
		lines := []string{line}
		got := negotiate(lines)
		if got != codingIdentity && !accepts(http.Header{"Accept-Encoding": lines}, got) {
			t.Errorf("%q gets %s, which it does not accept", line, got.name())
		}
		if twice := negotiate([]string{line, line}); twice != got {
			t.Errorf("%q gets %q once and %q twice", line, got.name(), twice.name())
		}
	})
}

func TestWhichContentIsCompressible(t *testing.T) {
	for kind, want := range map[string]bool{
		"text/html": true, "text/html; charset=utf-8": true, "TEXT/Plain": true, "text/css": true, " text/vtt ": true,
		"application/json": true, "application/ld+json": true, "application/problem+json": true,
		"application/javascript": true, "application/xml": true, "application/xhtml+xml": true,
		"application/rss+xml": true, "application/atom+xml": true, "application/manifest+json": true,
		"application/wasm": true, "image/svg+xml": true, "font/ttf": true, "font/otf": true, "image/bmp": true,
		"image/x-icon": true, "application/vnd.ms-fontobject": true,
		"text/event-stream": false, "font/woff": false, "font/woff2": false, "image/png": false, "image/jpeg": false,
		"video/mp4": false, "application/zip": false, "application/gzip": false, "application/pdf": false,
		"application/octet-stream": false, "": false, ";": false, "text": false, "multipart/byteranges": false,
	} {
		require.Equal(t, want, compressible(kind), kind)
	}
	require.True(t, slices.IsSorted(compressibleKinds[:]))
}

func TestWhichPagesOfferCodings(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		length int64
		header http.Header
		want   bool
	}{
		{"an ordinary page", 200, 5000, http.Header{}, true},
		{"an error's page", 404, 5000, http.Header{}, true},
		{"a redirect's page", 301, 5000, http.Header{}, true},
		{"the shortest", 200, 256, http.Header{}, true},
		{"too short", 200, 255, http.Header{}, false},
		{"of unknown length", 200, -1, http.Header{}, false},
		{"RFC 9110 §15.3.5 without content", 204, 5000, http.Header{}, false},
		{"RFC 9110 §15.3.7 a part", 206, 5000, http.Header{}, false},
		{"RFC 9110 §14.4 a part by its field", 200, 5000, http.Header{"Content-Range": {"bytes 0-4999/9999"}}, false},
		{"RFC 9110 §8.4 coded already", 200, 5000, http.Header{"Content-Encoding": {"br"}}, false},
		{"RFC 9110 §8.4 coded in an unknown way", 200, 5000, http.Header{"Content-Encoding": {"aes128gcm"}}, false},
		{"RFC 9111 §5.2.2.6 no-transform", 200, 5000, http.Header{"Cache-Control": {"max-age=5", "No-Transform"}}, false},
		{"of another type", 200, 5000, http.Header{"Content-Type": {"image/png"}}, false},
		{"of no type", 200, 5000, http.Header{"Content-Type": nil}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, set := test.header["Content-Type"]; !set {
				test.header.Set("Content-Type", "text/html")
			}
			require.Equal(t, test.want, offersCodings(test.status, test.header, test.length))
		})
	}
}

func BenchmarkNegotiateCoding(b *testing.B) {
	for _, line := range []string{"gzip, deflate, br, zstd", "gzip, deflate, br;q=0.9, zstd"} {
		b.Run(line, func(b *testing.B) {
			lines := []string{line}
			b.ReportAllocs()
			for b.Loop() {
				negotiate(lines)
			}
		})
	}
}

// What a coding costs, and what it saves of a page like a newspaper's.
func BenchmarkMakeRendition(b *testing.B) {
	page := &Page{Body: NewBody(newspaper(100 << 10))}
	for _, fast := range []bool{false, true} {
		for _, coding := range preferred {
			name := coding.name()
			if fast {
				name += " as it leaves"
			}
			b.Run(name, func(b *testing.B) {
				var c coders
				var made int
				chunks, _ := page.Body.Whole()
				b.SetBytes(page.Body.Size())
				b.ReportAllocs()
				for b.Loop() {
					to := &limited{most: 1 << 20}
					e := c.take(coding, fast)
					e.Reset(to)
					_, err := e.Write(chunks[0])
					require.NoError(b, err)
					require.NoError(b, e.Close())
					c.give(coding, fast, e)
					made = len(to.bytes)
				}
				b.ReportMetric(float64(made)/float64(page.Body.Size())*100, "%size")
			})
		}
	}
}

// newspaper is about n bytes of a page: stories of the same build, in words of which few are
// frequent and many are rare.
func newspaper(n int) []byte {
	random := rand.New(rand.NewPCG(1, 1))
	words := make([]string, 4000)
	for i := range words {
		word := make([]byte, 2+random.IntN(8))
		for j := range word {
			word[j] = "eeeettaaooiinnsshhrrdlcumwfgypbvk"[random.IntN(33)]
		}
		words[i] = string(word)
	}
	frequent := rand.NewZipf(random, 1.1, 3, uint64(len(words)-1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `<article class="story story--lead"><h2><a href="/news/2026/03/%x">`, random.Uint32())
		for range 120 {
			b.WriteString(words[frequent.Uint64()] + " ")
		}
		b.WriteString("</p></article>\n")
	}
	return b.Bytes()
}
