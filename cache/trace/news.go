package trace

import (
	"math"
	"slices"
)

// The shape of the newspaper: a fortnight of a daily with a few hundred readers for each
// article.
const (
	newsDays      = 14
	newsSections  = 25
	newsAssets    = 60  // stylesheets, scripts, fonts and the logo
	newsPictures  = 3   // of an article, that nothing else shows
	newsReaders   = 200 // requests of all kinds for each article published
	newsHalfLife  = 5.0 // hours after which half as many ask for an article
	newsInterests = 0.9 // alpha of how articles compare with each other

	// Of 100 requests so many are for each kind; the rest is for what nobody asks for twice:
	// the archive, by search engines and whoever follows an old link.
	newsFront     = 12
	newsSectional = 15
	newsAsset     = 24
	newsArticle   = 28
	newsPicture   = 16
)

// article is a page with its pictures.
type article struct {
	page     int32
	pictures [newsPictures]int32
	born     float64 // hours
	interest float64
}

// News is a trace in the shape of a daily newspaper: a front page and sections that are
// always asked for, articles that matter for hours, by day more than by night, and an
// archive of which each page is asked for once.
func News(requests int, seed uint64) *Trace {
	w := newWriter("news", seed)
	front := w.page(60<<10, 0)
	sections := w.several(newsSections, 40<<10, 0.4)
	assets := w.several(newsAssets, 30<<10, 1)
	articles := w.articles(max(requests/newsReaders/newsDays, 1))
	bySection, byAsset := zipf(newsSections, 0.8), zipf(newsAssets, 0.5)
	var current lottery
	live, hour := 0, -1
	for i := range requests {
		at := float64(i) / float64(requests) * newsDays * 24
		if int(at) != hour || live == 0 {
			hour = int(at)
			live, current = popular(articles, at)
		}
		switch kind := w.random.IntN(100); {
		case kind < newsFront:
			w.ask(front)
		case kind < newsFront+newsSectional:
			w.ask(sections[bySection.draw(w.random)])
		case kind < newsFront+newsSectional+newsAsset:
			w.ask(assets[byAsset.draw(w.random)])
		case kind < newsFront+newsSectional+newsAsset+newsArticle:
			w.ask(articles[current.draw(w.random)].page)
		case kind < newsFront+newsSectional+newsAsset+newsArticle+newsPicture:
			a := &articles[current.draw(w.random)]
			w.ask(a.pictures[w.random.IntN(newsPictures)])
		default:
			w.ask(w.page(20<<10, 1))
		}
	}
	return &w.trace
}

// several adds pages of a kind.
func (w *writer) several(n int, median, spread float64) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = w.page(median, spread)
	}
	return all
}

// articles adds everything that the newspaper publishes in its days, in its order. The first hours'
// readers find the articles of the day before.
func (w *writer) articles(perDay int) []article {
	all := make([]article, perDay*(newsDays+1))
	ranks := w.random.Perm(len(all))
	for i := range all {
		a := article{page: w.page(24<<10, 0.7), born: (float64(i)/float64(perDay) - 1) * 24}
		copy(a.pictures[:], w.several(newsPictures, 45<<10, 0.9))
		a.interest = math.Pow(float64(ranks[i]%perDay+1), -newsInterests)
		all[i] = a
	}
	return all
}

// popular is how many articles there are at an hour, and the lottery of which is asked for.
func popular(articles []article, at float64) (int, lottery) {
	live, _ := slices.BinarySearchFunc(articles, at, func(a article, at float64) int {
		if a.born <= at {
			return -1
		}
		return 1
	})
	return live, newLottery(live, func(i int) float64 {
		return articles[i].interest * math.Exp2(-(at-articles[i].born)/newsHalfLife)
	})
}
