package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// past is a stale page with these directives: an hour beyond its lifetime.
func past(directives ...string) reply {
	return says("Cache-Control: "+strings.Join(append([]string{"max-age=3600"}, directives...), ", "), old)
}

// askedInAll holds when the origin saw so many requests since the rule began.
func askedInAll(n int) check {
	return func(g *got) error {
		if all := len(g.before) + len(g.asked); all != n {
			return fmt.Errorf("the origin was asked %d times in all, not %d", all, n)
		}
		return nil
	}
}

// staleRules are about pages past their lifetime: RFC 9111 §4.2.4, §5.2.2.2, RFC 5861.
func staleRules() []rule {
	var rules []rule
	failures := []struct {
		name  string
		reply reply
	}{
		{"500", says().of(500)}, {"502", says().of(502)}, {"503", says().of(503)}, {"504", says().of(504)}, {"a hang-up", hangsUp()},
	}
	for _, f := range failures {
		rules = append(rules,
			rule{"RFC 5861 §4", "with stale-if-error a stale page stands in for " + f.name, may, []turn{
				get().gives(past("stale-if-error=7200")), get().gives(f.reply).first().status(200).aged(7200),
			}},
			rule{"RFC 9111 §4.2.4", "a stale page stands in for " + f.name, may, []turn{
				get().gives(past()), get().gives(f.reply).first().status(200).aged(7200),
			}},
			rule{"RFC 5861 §4", "after stale-if-error a stale page does not stand in for " + f.name, must, []turn{
				get().gives(past("stale-if-error=60")), get().gives(f.reply).holds(is5xx),
			}},
		)
	}
	for _, directive := range []string{"must-revalidate", "proxy-revalidate", "s-maxage=3600", "no-cache"} {
		for _, f := range failures[2:] {
			if f.name == "504" {
				continue
			}
			rules = append(rules,
				rule{"RFC 9111 §4.2.4", directive + " forbids a stale page in place of " + f.name, must, []turn{
					get().gives(past(directive)), get().gives(f.reply).holds(is5xx),
				}},
				rule{"RFC 5861 §4", directive + " overrules stale-if-error at " + f.name, must, []turn{
					get().gives(past(directive, "stale-if-error=7200")), get().gives(f.reply).holds(is5xx),
				}},
			)
		}
		rules = append(rules, rule{"RFC 5861 §3", directive + " overrules stale-while-revalidate", must, []turn{
			get().gives(past(directive, "stale-while-revalidate=7200")), get().gives(says()).nth(2),
		}})
	}
	return append(append(rules, demandRules()...), refreshRules()...)
}

// demandRules are about readers who say that a stale page is not enough: RFC 9111 §5.2.1, §5.4.
func demandRules() []rule {
	var rules []rule
	for _, demand := range []string{"Cache-Control: no-cache", "Cache-Control: max-age=0", "Cache-Control: max-age=9000", "Cache-Control: min-fresh=1", "Pragma: no-cache"} {
		rules = append(rules,
			rule{"RFC 9111 §5.2.1", "a refresh that failed a moment ago is repeated for " + demand, must, []turn{
				get().gives(past()), get().gives(says().of(503)).first(), get().would(says()).hit().first(), get(demand).gives(says()).nth(3),
			}},
			rule{"RFC 9111 §5.2.1", "a slow origin is waited for by " + demand, must, []turn{
				get().gives(past()), get(demand).gives(says().after(2 * time.Second)).nth(2),
			}},
		)
	}
	return append(rules, rule{"RFC 9111 §5.2.1.2", "a refresh that failed a moment ago is not repeated for max-stale", may, []turn{
		get().gives(past()), get().gives(says().of(503)).first(), get("Cache-Control: max-stale=86400").hit().first(),
	}})
}

// is5xx holds for a failure that is told.
func is5xx(g *got) error {
	if g.StatusCode < 500 {
		return fmt.Errorf("the status is %d, no failure", g.StatusCode)
	}
	return nil
}

// refreshRules are about what goes on behind a reader's back: RFC 5861 §3.
func refreshRules() []rule {
	swr := past("stale-while-revalidate=7200")
	next := says(hourly).with("the second")
	same := confirms(hourly, `ETag: "1"`)
	return []rule{
		{"RFC 5861 §3", "a stale page within its window is given at once, and fetched anew", may, []turn{
			get().gives(swr), get().would(next).first().aged(7200), get().would(next).becomes("the second"), get().hit().body("the second").holds(askedInAll(2)),
		}},
		{"RFC 5861 §3", "readers within the window cause one request among them", may, []turn{
			get().gives(swr), get().would(next.heldBack()).first(), get().would(next.heldBack()).first(), get().would(next.heldBack()).first(),
			get().would(next).release().becomes("the second"), get().hit().holds(askedInAll(2)),
		}},
		{"RFC 5861 §3", "a slow origin does not hold up a reader within the window", may, []turn{
			get().gives(swr), get().would(next.heldBack()).first(),
		}},
		{"RFC 5861 §3", "a page beyond its window is validated first", must, []turn{
			get().gives(past("stale-while-revalidate=60")), get().gives(says()).nth(2),
		}},
		{"RFC 5861 §3", "a page within its window is validated by its tag", may, []turn{
			get().gives(swr.and(`ETag: "1"`)), get().would(same).first(), get().would(same).first().holds(eventuallyAsked(2)),
			get().would(same).first().holds(askedInAll(2)),
		}},
		{"RFC 5861 §3", "a refresh that fails leaves the page in its window", may, []turn{
			get().gives(swr), get().would(says().of(503)).first().status(200), get().would(says().of(503)).first().status(200).holds(eventuallyAsked(2)),
			get().would(says().of(503)).first().status(200).holds(askedInAll(2)),
		}},
		{"RFC 5861 §3", "a stale-while-revalidate that is no number is none", must, []turn{
			get().gives(past("stale-while-revalidate=x")), get().gives(says()).nth(2),
		}},
		{"RFC 5861 §4", "a failed refresh is not repeated for every reader", may, []turn{
			get().gives(past()), get().gives(says().of(503)).first(), get().silent().first(), get().silent().first(),
		}},
		{"RFC 5861 §4", "another status than a failure is the truth about the page", must, []turn{
			get().gives(past()), get().gives(says().of(404)).status(404).nth(2),
		}},
		{"RFC 9111 §4.2.4", "a stale page is validated where nothing allows otherwise", must, asked(past())},
		{"RFC 9111 §4.2.4", "a stale page that only Expires says is stale is validated", must, asked(says("Expires: {-3600}"))},
		{"RFC 9111 §5.2.2.2", "a hang-up where must-revalidate stands is told as 502 or 504", must, []turn{
			get().gives(past("must-revalidate")), get().gives(hangsUp()).status(502, 504),
		}},
		{"RFC 9110 §15.6", "a hang-up with nothing stored is told as 502 or 504", must, []turn{get().gives(hangsUp()).status(502, 504)}},
		{"RFC 9110 §9.2.2", "a POST that the origin hangs up on is not sent again", must, []turn{asking("POST").carrying("x").gives(hangsUp()).status(502, 504)}},
		{"RFC 9110 §9.2.2", "a GET that the origin hangs up on is not sent again over a connection that was used", may, []turn{
			get().gives(says()), get().gives(hangsUp()).status(502, 504), get().gives(says()).nth(3),
		}},
		{"RFC 9111 §4.3.3", "a 5xx that is the origin's word is passed on where must-revalidate stands", must, []turn{
			get().gives(past("must-revalidate")), get().gives(says().of(503)).status(503).nth(2),
		}},
	}
}

// eventuallyAsked holds once the origin has seen so many requests: what the cache asks behind a
// reader's back may come after the answer, and is counted with the next step.
func eventuallyAsked(n int) check {
	return func(g *got) error {
		for deadline := time.Now().Add(settled); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if len(g.script.log()) >= n {
				return nil
			}
		}
		return errors.New("the origin was not asked behind the reader's back")
	}
}

// TestAStalePageIsServedWhenTheOnlyOriginIsGone is the part of RFC 9111 §4.2.4 that needs an origin
// of its own: one that refuses connections.
func TestAStalePageIsServedWhenTheOnlyOriginIsGone(t *testing.T) {
	origin := newScripted(t, "200 OK")
	s := startStation(t, t.TempDir(), "  - origins: [\"http://"+origin.Addr().String()+"\"]\n    cookies: true\n")
	t.Cleanup(s.Shutdown)
	at := s.Addr("http").String()
	plain := rule{play: []turn{get().gives(past())}}
	require.NoError(t, plain.run(at, "/rule-1", origin.script("/rule-1")))
	strict := rule{play: []turn{get().gives(past("must-revalidate"))}}
	require.NoError(t, strict.run(at, "/rule-2", origin.script("/rule-2")))
	origin.stop()

	for path, detail := range map[string]string{"/rule-1": "", "/rule-2": "detail=outage"} {
		g, err := get().ask(at, path)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, g.StatusCode, "%s: %s", path, g.Header.Get("Cache-Status"))
		require.Contains(t, g.body, "answer 1 of "+path)
		require.Contains(t, g.Header.Get("Cache-Status"), detail, "the operator's rule is visible")
		require.NotEmpty(t, g.Header.Get("Age"))
	}
	g, err := get().ask(at, "/rule-3")
	require.NoError(t, err)
	require.GreaterOrEqual(t, g.StatusCode, 502)
}
