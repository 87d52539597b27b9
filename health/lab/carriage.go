package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// What a proxy must carry without storing: forms, uploads, streams, trailers.

func (n *newspaper) loginForm(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	n.render(w, r, http.StatusOK, "login.html", page{Title: "Subscribers"})
}

// login lets everybody in. The session cookie is bound to the host that was
// asked for, as subscription systems bind it.
func (n *newspaper) login(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name == "" {
		http.Error(w, "the form has no name", http.StatusBadRequest)
		return
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	http.SetCookie(w, &http.Cookie{
		Name: "subscriber", Value: url.QueryEscape(name), Path: "/", Domain: host, MaxAge: 3600,
		Secure: r.TLS != nil, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, base(r)+"/", http.StatusSeeOther)
}

// upload says how many bytes arrived, and their digest.
func (n *newspaper) upload(w http.ResponseWriter, r *http.Request) {
	digest := sha256.New()
	size, err := io.Copy(digest, r.Body)
	if err != nil {
		http.Error(w, fmt.Sprintf("the upload broke off after %d bytes", size), http.StatusBadRequest)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"bytes": size, "sha256": hex.EncodeToString(digest.Sum(nil))})
}

// events streams the three newest headlines, then the height of the tide every
// second, as server-sent events. A reader that names the last event it saw goes
// on after it.
func (n *newspaper) events(w http.ResponseWriter, r *http.Request) {
	next := 1
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil && last > 0 {
		next = last + 1
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for ; ; next++ {
		if next > 3 {
			select {
			case <-ticker.C:
			case <-r.Context().Done():
				return
			}
		}
		if err := n.sendEvent(w, next); err != nil {
			return // the reader has gone
		}
	}
}

func (n *newspaper) sendEvent(w http.ResponseWriter, id int) error {
	kind, text := "headline", n.stories[(id-1)%len(n.stories)].Title
	if id > 3 {
		// One centimetre per event, up for six hours' worth and down again.
		phase := id % 720
		kind, text = "tide", fmt.Sprintf("%d cm above the old mark", min(phase, 720-phase))
	}
	if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", id, kind, text); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

const (
	bigDefault = 1 << 20
	bigMost    = 4 << 30
)

// big sends as many bytes as are asked for, and answers ranges of them.
func (n *newspaper) big(w http.ResponseWriter, r *http.Request) {
	size := int64(bigDefault)
	if asked := r.FormValue("bytes"); asked != "" {
		var err error
		if size, err = strconv.ParseInt(asked, 10, 64); err != nil || size < 0 || size > bigMost {
			http.Error(w, fmt.Sprintf("bytes is %q: give a number from 0 to %d", asked, int64(bigMost)), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", assetCacheControl)
	w.Header().Set("ETag", fmt.Sprintf(`"big-%d"`, size))
	http.ServeContent(w, r, "", n.published, &lines{size: size})
}

// lines is a text of any length without keeping it: the same line over and over.
type lines struct{ size, at int64 }

const line = "The tide comes in, the tide goes out, and the ferry leaves on time.\n"

// Read fills p with what comes next.
func (l *lines) Read(p []byte) (int, error) {
	if l.at >= l.size {
		return 0, io.EOF
	}
	n := 0
	for limit := int(min(int64(len(p)), l.size-l.at)); n < limit; {
		offset := int((l.at + int64(n)) % int64(len(line)))
		n += copy(p[n:limit], line[offset:])
	}
	l.at += int64(n)
	return n, nil
}

// Seek moves to where the next Read begins.
func (l *lines) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += l.at
	case io.SeekEnd:
		offset += l.size
	}
	if offset < 0 {
		return 0, errors.New("cannot seek to before the first byte")
	}
	l.at = offset
	return offset, nil
}

// trailers sends a chunked body and its digest after it.
func (n *newspaper) trailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Content-Sha256")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	digest := sha256.New()
	for _, story := range n.stories {
		fmt.Fprintln(io.MultiWriter(w, digest), story.Title)
		if err := http.NewResponseController(w).Flush(); err != nil {
			return // the reader has gone
		}
	}
	w.Header().Set("X-Content-Sha256", hex.EncodeToString(digest.Sum(nil)))
}

// early hints at the stylesheet (RFC 8297) before it sends the front page.
func (n *newspaper) early(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Link", "</assets/gazette.css>; rel=preload; as=style")
	w.WriteHeader(http.StatusEarlyHints)
	n.frontPage(w, r)
}
