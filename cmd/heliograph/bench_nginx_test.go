package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	benchPage    = 16 << 10 // bytes
	benchReaders = 64       // connections
	benchRounds  = 4        // of each server, in turn
	// benchPath is what is read; probes look at another page, and are not counted.
	benchPath = "/page.html"
	// ticksPerSecond is the unit of /proc/PID/stat, USER_HZ, on every Linux.
	ticksPerSecond = 100
)

// contender is one of the servers under load.
type contender struct {
	name string
	url  string
	pid  int

	requests int
	rate     []float64 // requests per second, by round
	cost     []float64 // µs of CPU time per request, by round
}

// BenchmarkHitsBesideNginx puts the same load on an edge and on nginx with
// proxy_cache, both in front of one origin, in turns: one on one core, the load on
// another. It tells the CPU time that a hit costs each. BENCH_SECONDS bounds the load.
func BenchmarkHitsBesideNginx(b *testing.B) {
	wrk := program(b, "wrk")
	if runtime.GOOS != "linux" {
		b.Skip("CPU time is read from /proc, which only Linux has")
	}
	seconds := 40
	if text := os.Getenv("BENCH_SECONDS"); text != "" {
		var err error
		seconds, err = strconv.Atoi(text)
		require.NoError(b, err, "BENCH_SECONDS")
	}
	round := max(1, seconds/(2*benchRounds))

	origin := startBenchOrigin(b)
	contenders := []*contender{spawnContender(b, origin), startNginxContender(b, origin)}
	for _, c := range contenders { // into the cache
		for range 3 {
			status, body := fetchFresh(b, c.url)
			require.Equal(b, 200, status, c.name)
			require.Len(b, body, benchPage, c.name)
		}
	}
	for range b.N {
		for range benchRounds {
			for _, c := range contenders {
				c.measure(b, wrk, round)
			}
		}
	}
	require.Less(b, origin.countLogged(b, benchPath), 20, "what was to be hits reached the origin")
	edge, other := contenders[0], contenders[1]
	report(contenders)
	b.ReportMetric(0, "ns/op") // the time it took says nothing
	b.ReportMetric(median(edge.cost), "edge-µs/hit")
	b.ReportMetric(median(other.cost), "nginx-µs/hit")
	b.ReportMetric(median(edge.cost)/median(other.cost), "edge:nginx")
}

// pinned are the words that keep a command on one core, where there are two.
func pinned(core int) []string {
	taskset, err := exec.LookPath("taskset")
	if err != nil || runtime.NumCPU() < 2 {
		return nil
	}
	return []string{taskset, "-c", strconv.Itoa(core)}
}

// startBenchOrigin starts the origin of both, beside the load: it has one page each
// to serve.
func startBenchOrigin(b *testing.B) *nginx {
	b.Helper()
	port := quietPort(b)
	n := newNginx(b, port, fmt.Sprintf(`
  server {
    listen 127.0.0.1:%d;
    root site;
    add_header Cache-Control "public, max-age=3600";
  }`, port))
	n.Write(b, "site/index.html", "The Harbour Gazette\n")
	n.Write(b, "site"+benchPath, strings.Repeat("The ferries leave at dawn.\n", benchPage)[:benchPage])
	n.Start(b, pinned(1)...)
	return n
}

// startNginxContender starts nginx with proxy_cache in front of the origin.
func startNginxContender(b *testing.B, origin *nginx) *contender {
	b.Helper()
	port := quietPort(b)
	n := newNginx(b, port, fmt.Sprintf(`
  proxy_cache_path store levels=1:2 keys_zone=pages:10m max_size=256m;
  server {
    listen 127.0.0.1:%d;
    location / {
      proxy_pass http://127.0.0.1:%d;
      proxy_cache pages;
    }
  }`, port, origin.Port))
	n.Start(b, pinned(0)...)
	return &contender{name: "nginx", url: fmt.Sprintf("http://127.0.0.1:%d%s", port, benchPath), pid: n.running.Process.Pid}
}

// spawnContender builds the program and starts an edge in front of the origin. Its
// log goes to a file, as nginx's does.
func spawnContender(b *testing.B, origin *nginx) *contender {
	b.Helper()
	built := filepath.Join(b.TempDir(), "heliograph")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", built, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	line := append(pinned(0), built)
	edge := spawnEdge(b, append(line[:1:1], line...), fmt.Sprintf("  - origins: [\"http://127.0.0.1:%d\"]\n", origin.Port))
	return &contender{name: "edge", url: "http://" + edge.http + benchPath, pid: edge.command.Process.Pid}
}

// measure puts the load on for some seconds and notes what it cost.
func (c *contender) measure(b *testing.B, wrk string, seconds int) {
	b.Helper()
	line := append(pinned(1), wrk, "-t", "1", "-c", strconv.Itoa(benchReaders), "-d", strconv.Itoa(seconds)+"s", c.url)
	before := cpuTime(b, c.pid)
	out, err := exec.CommandContext(b.Context(), line[0], line[1:]...).CombinedOutput()
	spent := cpuTime(b, c.pid) - before
	require.NoError(b, err, string(out))
	require.NotRegexp(b, `Socket errors|Non-2xx`, string(out), "not all of it was answers")
	found := regexp.MustCompile(`(\d+) requests in ([0-9.]+)s`).FindSubmatch(out)
	require.NotNil(b, found, string(out))
	requests, err := strconv.Atoi(string(found[1]))
	require.NoError(b, err)
	took, err := strconv.ParseFloat(string(found[2]), 64)
	require.NoError(b, err)
	require.Positive(b, requests)
	c.requests += requests
	c.rate = append(c.rate, float64(requests)/took)
	c.cost = append(c.cost, float64(spent.Microseconds())/float64(requests))
}

// cpuTime is the CPU time that a process and its children have used so far.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	ticks, found := 0, false
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		// pid (name) state ppid …, and the name may hold anything.
		own := bytes.HasPrefix(text, []byte(strconv.Itoa(pid)+" "))
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if !own && fields[1] != strconv.Itoa(pid) {
			continue
		}
		found = true
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.Atoi(field)
			require.NoError(b, err)
			ticks += n
		}
	}
	require.True(b, found, "no process %d", pid)
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// countLogged is how often a path stands in the access log, once it is written out.
func (n *nginx) countLogged(b *testing.B, path string) int {
	b.Helper()
	var text []byte
	require.True(b, eventually(func() bool {
		text, _ = os.ReadFile(filepath.Join(n.dir, "access.log"))
		return bytes.Contains(text, []byte("GET "+path))
	}), "the origin logged nothing")
	return bytes.Count(text, []byte("GET "+path))
}

// report prints what each round cost, and the medians.
func report(contenders []*contender) {
	fmt.Printf("\n%d KiB page, HTTP/1.1, %d connections, %d rounds in turn; medians\n\n", benchPage>>10, benchReaders, benchRounds)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "server\trequests\trequests/s\tCPU µs/hit\tlowest\thighest\t")
	for _, c := range contenders {
		fmt.Fprintf(table, "%s\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t\n",
			c.name, c.requests, median(c.rate), median(c.cost), slices.Min(c.cost), slices.Max(c.cost))
	}
	_ = table.Flush()
	fmt.Printf("\nCPU time per hit, %s : %s = %.2f\n\n", contenders[0].name, contenders[1].name,
		median(contenders[0].cost)/median(contenders[1].cost))
}

// median is the middle of some figures.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
