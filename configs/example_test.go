package configs_test

import (
	"fmt"

	"github.com/heliograph-edge/heliograph/configs"
)

func ExampleParse() {
	f, err := configs.Parse("heliograph.yaml", []byte(`
sites:
  - origins: [https://www.gazette.example, https://gazette.example.ir]
    cache: {outage: 90d}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	site := f.Sites[0]
	fmt.Println(site.Name, site.Canonical, site.Cache.Outage, f.Listen.HTTP)
	// Output: www.gazette.example https://www.gazette.example 2160h0m0s 127.0.0.1:8080
}

func ExampleRefusal() {
	_, err := configs.Parse("heliograph.yaml", []byte(`
listen: {htp: ":80"}
sites:
  - origins: [https://www.gazette.example/news]
`))
	fmt.Println(err)
	// Output:
	// heliograph.yaml:2:10: listen.htp: unknown key (did you mean "http"?); accepted: http, https, admin
	// heliograph.yaml:4:15: sites[0].origins[0]: has the path "/news"; accepted: a URL without a path, such as https://www.gazette.example, or a mapping with the keys name, url, address, ca, resolver, via, pin, network
}
