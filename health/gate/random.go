package gate

import "bytes"

// sameRatio is the percentage from which two lengths are those of one page.
const sameRatio = 90

// RandomPath reports whether an origin answers a path that nobody can have
// linked to with the page it has at its home: parked and seized domains do.
// So do some sites that are built in the browser, so this is a sign and no verdict.
func RandomPath(home, random Answer) bool {
	if home.Status/100 != 2 || random.Status/100 != 2 || !home.isHTML() || !random.isHTML() {
		return false
	}
	if bytes.Equal(home.Body, random.Body) {
		return true
	}
	var one, other reading
	one.measure(&home, &Known{})
	other.measure(&random, &Known{})
	p, q := &one.page, &other.page
	if 100*min(p.length, q.length) < sameRatio*max(p.length, q.length) || p.links != q.links || p.images != q.images {
		return false
	}
	// Small pages have no sketch to compare, but their tags can be counted.
	alike := p.sketch.alike(&q.sketch) >= sameRatio || p.sketch.taken() < sketchEnough && p.tags == q.tags
	return alike && bytes.Equal(bytes.TrimSpace(p.title), bytes.TrimSpace(q.title))
}
