package mirrors_test

import (
	"fmt"
	"strings"

	"github.com/heliograph-edge/heliograph/health/mirrors"
)

// A list in use names two addresses, one of them by mistake.
func ExampleParse() {
	list, skipped, err := mirrors.Parse(strings.NewReader(`{"version": "2.0", "sites": [{"main_domain": "gazette.example",
		"available_alternatives": [{"proto": "https", "type": "mirror", "url": "https://d1.cdn.example/"}, {"proto": "https", "type": "mirror", "url": ""}]}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, site := range list.Sites {
		for _, a := range site.Alternates {
			fmt.Println(site.Domain, a.Proto, a.URL)
		}
	}
	for _, s := range skipped {
		fmt.Println("skipped", s)
	}
	// Output:
	// gazette.example https https://d1.cdn.example
	// skipped site 1, address 2 "": the entry has no address
}
