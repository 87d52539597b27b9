//go:build unix

package probe

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliograph-edge/heliograph/health"
	"github.com/heliograph-edge/heliograph/health/gate"
)

// benchTargets starts the origin and returns the targets that lead there.
func benchTargets(b *testing.B) (plain, secure Target) {
	ours := newAuthority(b)
	certificate := ours.sign(b, name, time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(ours.key)
	require.NoError(b, err)
	program, err := os.Executable()
	require.NoError(b, err)
	origin := exec.Command(program)
	origin.Env = append(os.Environ(), benchOrigin+"=1")
	origin.Stderr = os.Stderr
	in, err := origin.StdinPipe()
	require.NoError(b, err)
	out, err := origin.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, origin.Start())
	b.Cleanup(func() { in.Close(); require.NoError(b, origin.Wait()) })
	_, err = in.Write(append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...))
	require.NoError(b, err)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	addresses := strings.Fields(line)
	require.Len(b, addresses, 2)
	target := func(scheme, address string) Target {
		_, port, err := net.SplitHostPort(address)
		require.NoError(b, err)
		return Target{
			URL: &url.URL{Scheme: scheme, Host: net.JoinHostPort(name, port)}, Addresses: []netip.Addr{loopback},
			Roots: ours.pool, Contains: []string{"The Harbour Gazette"}, Gate: gate.New(), Timeout: time.Minute,
		}
	}
	return target("http", addresses[0]), target("https", addresses[1])
}

// cpu is the time that this process has spent on a processor.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkProbe measures what one good probe costs the edge: CPU time in microseconds,
// system calls included, and the percentage of a core that 1,000 origins take that are
// probed every 10 s. Probes run 16 at a time, since each waits for the other side.
func BenchmarkProbe(b *testing.B) {
	plain, secure := benchTargets(b)
	for _, kind := range []struct {
		name   string
		target Target
	}{{"plain", plain}, {"tls", secure}} {
		b.Run(kind.name, func(b *testing.B) {
			kind.target.Sessions = new(Sessions)
			warm := First(b.Context(), kind.target)
			require.Equal(b, health.OK, warm.Class, warm.Reason)
			b.ReportAllocs()
			b.SetParallelism(16)
			begun := cpu(b)
			b.RunParallel(func(loop *testing.PB) {
				for loop.Next() {
					if r := First(b.Context(), kind.target); !r.OK() {
						b.Error(errors.New(r.Reason))
					}
				}
			})
			each := float64(cpu(b)-begun) / float64(b.N) / 1000
			b.ReportMetric(each, "cpu-µs/op")
			b.ReportMetric(each*100/1e6*100, "%core/1000@10s")
		})
	}
}
