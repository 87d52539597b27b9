package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nginxMarker is the identity of the site that the nginx origins serve.
const nginxMarker = "The Harbour Gazette"

// program finds a program, also where Debian hides it from those who are not root.
func program(tb testing.TB, name string) string {
	tb.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	tb.Skipf("%s is not installed: make needs installs it where apt-get is there", name)
	return ""
}

// nginx is one real nginx on loopback.
type nginx struct {
	program string
	dir     string
	Port    int
	running *exec.Cmd // nil while it is down
}

// newNginx writes the configuration of an nginx with the given servers, as nginx
// words them. It does not run yet, and does not run any more when the test ends.
func newNginx(tb testing.TB, port int, servers string) *nginx {
	tb.Helper()
	n := &nginx{program: program(tb, "nginx"), dir: tb.TempDir(), Port: port}
	user := ""
	if os.Getuid() == 0 {
		user = "user root root;" // or the workers could not read the test's files
	}
	config := fmt.Sprintf(`%s
daemon off;
pid nginx.pid;
worker_processes 1;
error_log error.log;
events { worker_connections 1024; }
http {
  default_type text/html;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  access_log access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000;
  sendfile on;
  tcp_nopush on;
%s
}
`, user, servers)
	require.NoError(tb, os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(config), 0o600))
	tb.Cleanup(n.Kill)
	return n
}

// Write puts a file where the servers' paths lead.
func (n *nginx) Write(tb testing.TB, name, text string) {
	tb.Helper()
	path := filepath.Join(n.dir, name)
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
}

// Start runs it, and returns when it takes connections. before are the words that
// the command line begins with.
func (n *nginx) Start(tb testing.TB, before ...string) {
	tb.Helper()
	line := append(slices.Clone(before), n.program, "-p", n.dir, "-c", "nginx.conf", "-e", "error.log")
	n.running = exec.Command(line[0], line[1:]...)
	n.running.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // master and workers die together
	require.NoError(tb, n.running.Start())
	address := fmt.Sprintf("127.0.0.1:%d", n.Port)
	require.Eventually(tb, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond, "nginx does not listen: %s", n.errors())
}

// errors is what nginx complained about.
func (n *nginx) errors() string {
	text, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
	return string(text)
}

// Kill ends all its processes in the middle of whatever they do.
func (n *nginx) Kill() {
	if n.running == nil {
		return
	}
	_ = syscall.Kill(-n.running.Process.Pid, syscall.SIGKILL)
	_ = n.running.Wait()
	n.running = nil
}

// gazette writes the same small site for every nginx, and returns its pages.
func gazette(tb testing.TB, origins ...*nginx) map[string]string {
	tb.Helper()
	page := func(title string, paragraphs int) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, "<!doctype html><html><head><title>%s: %s</title></head><body>\n", nginxMarker, title)
		for i := range paragraphs {
			fmt.Fprintf(&b, "<p>%d. The ferries leave from the north quay until the swell has gone down.</p>\n", i)
		}
		return b.String() + "</body></html>\n"
	}
	pages := map[string]string{
		"/": page("Front page", 10), "/live/weather.html": page("Weather", 80), "/live/tides.html": page("Tides", 200),
	}
	for _, n := range origins {
		for path, text := range pages {
			if path == "/" {
				path = "/index.html"
			}
			n.Write(tb, "site"+path, text)
		}
	}
	return pages
}

// newNginxOrigin is an nginx that serves the files under site: what is live is not
// to be stored, the rest for five minutes.
func newNginxOrigin(t *testing.T) *nginx {
	t.Helper()
	port := quietPort(t)
	return newNginx(t, port, fmt.Sprintf(`
  server {
    listen 127.0.0.1:%d;
    root site;
    location / { add_header Cache-Control "public, max-age=300"; }
    location /live/ { add_header Cache-Control no-store; }
  }`, port))
}

func TestReadersDoNotNoticeThatThePrimaryNginxIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("real origins fall and rise in real time: about ten seconds")
	}
	primary, alternate := newNginxOrigin(t), newNginxOrigin(t)
	pages := gazette(t, primary, alternate)
	primary.Start(t)
	alternate.Start(t)
	self, err := os.Executable()
	require.NoError(t, err)
	edge := spawnEdge(t, []string{self, "heliograph"}, fmt.Sprintf(`  - name: gazette
    origins:
      - {name: primary, url: "http://127.0.0.1:%d"}
      - {name: alternate, url: "http://127.0.0.1:%d"}
    identity: {contains: [%s]}
    health: {interval: 1s, timeout: 10s}
`, primary.Port, alternate.Port, nginxMarker))

	readers := &crowd{base: edge.http, pages: pages}
	ctx, leave := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() { readers.Run(ctx, 8) })
	defer func() { leave(); reading.Wait() }()
	answered := func(origin string) float64 {
		return edge.Sum(t, "heliograph_origin_requests_total", `origin="`+origin+`"`, `code_class="2xx"`)
	}
	until := func(what string, holds func() bool) {
		t.Helper()
		if !eventually(holds) {
			log, _ := os.ReadFile(edge.log)
			require.Fail(t, "never: "+what, "%s\n%s", readers.mistake, log)
		}
	}

	until("the primary answers", func() bool { return answered("primary") >= 300 })
	require.EqualValues(t, 1, edge.Sum(t, "heliograph_origin_active", `origin="primary"`))
	primary.Kill()
	until("the primary is known to be down", func() bool {
		return edge.Sum(t, "heliograph_origin_up", `origin="primary"`) == 0
	})
	until("the alternate answers", func() bool { return answered("alternate") >= 300 })
	require.Positive(t, edge.Sum(t, "heliograph_failovers_total", `from="primary"`, `to="alternate"`))
	require.Positive(t, edge.Sum(t, "heliograph_route_switches_total", `to="alternate"`))
	require.EqualValues(t, 1, edge.Sum(t, "heliograph_origin_active", `origin="alternate"`))
	require.EqualValues(t, 1, edge.Sum(t, "heliograph_origin_state", `origin="primary"`, `state="down"`))
	require.EqualValues(t, 1, edge.Sum(t, "heliograph_origin_up", `origin="alternate"`))

	primary.Start(t)
	until("the primary is known to be back", func() bool {
		return edge.Sum(t, "heliograph_origin_up", `origin="primary"`) == 1
	})
	before := readers.read.Load()
	until("readers read on", func() bool { return readers.read.Load() >= before+300 })
	leave()
	reading.Wait()

	require.Zero(t, readers.failed.Load(), "of %d: %s", readers.read.Load(), readers.mistake)
	require.Zero(t, edge.Sum(t, "heliograph_http_requests_total", `code_class="5xx"`))
	require.Zero(t, edge.Sum(t, "heliograph_http_aborted_responses_total", `site="gazette"`))
	require.NoError(t, edge.Stop())
}
