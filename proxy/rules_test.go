package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStarsStandForAnyText(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		fits          bool
	}{
		{"utm_*", "utm_source", true}, {"utm_*", "utm_", true}, {"utm_*", "utm", false}, {"utm_*", "autm_x", false},
		{"fbclid", "fbclid", true}, {"fbclid", "fbclid2", false}, {"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", true},
		{"/static/*", "/static/a/b.css", true}, {"/static/*", "/static", false}, {"*.css", "/a/b.css", true}, {"*.css", "/a.css/b", false},
		{"/a/*/c/*.js", "/a/b/c/d.js", true}, {"/a/*/c/*.js", "/a/c/d.js", false}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"*ab*ab*", "abab", true}, {"*ab*ab*", "abb", false}, {"ab*bc", "abc", false}, {"**", "x", true}, {"*a*b", "acbab", true},
	} {
		require.Equal(t, test.fits, fits(test.pattern, test.text), "%s and %s", test.pattern, test.text)
	}
}

func TestParametersThatChangeNothingAreLeftOutOfTheTarget(t *testing.T) {
	ignoring := Rules{Ignore: []string{"utm_*", "fbclid"}}
	keeping := Rules{Keep: []string{"page", "q*"}}
	for target, want := range map[string][2]string{
		"/":                            {"/", "/"},
		"/?":                           {"/?", "/"},
		"/a?page=2":                    {"/a?page=2", "/a?page=2"},
		"/a?utm_source=x":              {"/a", "/a"},
		"/a?utm_source=x&page=2":       {"/a?page=2", "/a?page=2"},
		"/a?q=%20&UTM_a=1&fbclid&q2=":  {"/a?q=%20&UTM_a=1&q2=", "/a?q=%20&q2="},
		"/a?utm%5Fsource=x&b=utm_x":    {"/a?b=utm_x", "/a"},
		"/a?page=2&page=1":             {"/a?page=2&page=1", "/a?page=2&page=1"},
		"/a?b&&c":                      {"/a?b&&c", "/a"},
		"/a?%zz=1&fbclid=2":            {"/a?%zz=1", "/a"},
		"/utm_source?page=1;utm_a=2":   {"/utm_source?page=1;utm_a=2", "/utm_source?page=1;utm_a=2"},
		"/a?pagе=1":                    {"/a?pagе=1", "/a"}, // with a Cyrillic letter
		"/a?fbclid=1?page=1&page=%3F1": {"/a?page=%3F1", "/a?page=%3F1"},
	} {
		require.Equal(t, want[0], ignoring.target(target))
		require.Equal(t, want[1], keeping.target(target))
		none := Rules{}
		require.Equal(t, target, none.target(target))
	}
}

func TestACookieKeepsItsBearerAwayFromTheCache(t *testing.T) {
	rules := Rules{Bypass: []string{"session*", "wordpress_logged_in_*"}}
	for line, away := range map[string]bool{
		"": false, "session=1": true, "a=1; sessionid=2": true, "a=session; b=2": false, "wordpress_logged_in_3f": true, "Session=1": false, "a=1;session=": true,
	} {
		require.Equal(t, away, rules.bypasses(http.Header{"Cookie": {line}}), line)
	}
	require.True(t, rules.bypasses(http.Header{"Cookie": {"a=1", "session=1"}}))
	require.False(t, rules.bypasses(http.Header{"Session": {"session=1"}}))
	none := Rules{}
	require.False(t, none.bypasses(http.Header{"Cookie": {"session=1"}}))
}

func TestALifetimeIsForcedOnlyOnWhatMayBeShared(t *testing.T) {
	rules := Rules{Lifetimes: []Lifetime{{"/static/never/*", 0}, {"/static/*", time.Hour}, {"*.css", time.Minute}}}
	for name, test := range map[string]struct {
		target  string
		status  int
		asked   http.Header
		answers http.Header
		want    time.Duration
	}{
		"a page of the path":           {"/static/a.png?v=1", 200, nil, nil, time.Hour},
		"the first rule that fits":     {"/static/a.css", 200, nil, nil, time.Hour},
		"a rule that says nothing":     {"/static/never/a.css", 200, nil, nil, 0},
		"a later rule":                 {"/b/a.css", 203, nil, nil, time.Minute},
		"a path of no rule":            {"/b/a.js", 200, nil, nil, 0},
		"a lifetime of its own":        {"/static/a", 200, nil, http.Header{"Cache-Control": {"max-age=1"}}, time.Hour},
		"a redirect":                   {"/static/a", 308, nil, nil, time.Hour},
		"a confirmation":               {"/static/a", 304, nil, nil, time.Hour},
		"a page that is not there":     {"/static/a", 404, nil, nil, 0},
		"an error":                     {"/static/a", 500, nil, nil, 0},
		"a passing redirect":           {"/static/a", 302, nil, nil, 0},
		"no-store":                     {"/static/a", 200, nil, http.Header{"Cache-Control": {"no-store"}}, 0},
		"no-cache":                     {"/static/a", 200, nil, http.Header{"Cache-Control": {"no-cache"}}, 0},
		"private":                      {"/static/a", 200, nil, http.Header{"Cache-Control": {"PRIVATE, max-age=9"}}, 0},
		"no-store for this cache":      {"/static/a", 200, nil, http.Header{"Cdn-Cache-Control": {"no-store"}}, 0},
		"a lifetime that is broken":    {"/static/a", 200, nil, http.Header{"Cache-Control": {"max-age=soon"}}, 0},
		"a cookie":                     {"/static/a", 200, nil, http.Header{"Set-Cookie": {"a=1"}}, 0},
		"credentials":                  {"/static/a", 200, http.Header{"Authorization": {"Basic a"}}, nil, 0},
		"a path that leaves":           {"/static/../account", 200, nil, nil, 0},
		"a path that leaves, escaped":  {"/static/..%2faccount", 200, nil, nil, 0},
		"dots that are escaped":        {"/static/%2e%2e/account", 200, nil, nil, 0},
		"escapes of escapes":           {"/static/%252e%252e%252faccount", 200, nil, nil, 0},
		"a backslash":                  {"/static/..%5caccount", 200, nil, nil, 0},
		"a path with parameters":       {"/static/..;/account", 200, nil, nil, 0},
		"an empty segment":             {"//static/a.css", 200, nil, nil, 0},
		"an end amid the path":         {"/account%00.css", 200, nil, nil, 0},
		"a question mark":              {"/account%3f.css", 200, nil, nil, 0},
		"an escape of an ordinary one": {"/static/a%20b", 200, nil, nil, time.Hour},
		"a letter of another language": {"/static/%C3%A9", 200, nil, nil, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, test.target, nil)
			request.Header = test.asked
			response := &http.Response{StatusCode: test.status, Header: test.answers}
			require.Equal(t, test.want, rules.lifetime(request, response))
		})
	}
}
