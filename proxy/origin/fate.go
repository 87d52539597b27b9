package origin

import (
	"cmp"
	"slices"

	"github.com/heliograph-edge/heliograph/health"
)

// common is how much two origins have in common: 2 where they share their fate, 1 where
// they come through one CDN, 0 where nothing is known that they share.
func common(a, b health.View) int {
	switch with, shares := health.SharesFate(a, b); {
	case shares:
		return 2
	case with != "":
		return 1
	}
	return 0
}

// apart orders origins so that, of those of one standing, those which have less in common
// with one of them are asked first: what took that one away may have taken those with it
// that share its fate. Otherwise the order stays as it is. A standing is what is known of an
// origin itself, and so more than what is feared for it.
func apart(order []int, views []health.View, from int, resting func(int) bool) []int {
	order = slices.Clone(order)
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(
			standing(views[a], resting(a))-standing(views[b], resting(b)),
			common(views[from], views[a])-common(views[from], views[b]),
		)
	})
	return order
}

// awake stands for origins of which none rests.
func awake(int) bool { return false }

// company is which origin is asked beside one that does not answer yet: a usable one, the
// first of those that stand best and have the least in common with it. Without one it is -1.
func company(order []int, views []health.View, with int) int {
	usable := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return !views[i].Verdict.Usable() })
	if len(usable) == 0 {
		return -1
	}
	return apart(usable, views, with, awake)[0]
}

// refuge is which origin readers are sent to from one that they must leave: the first
// usable one, and rather one of another fate where it fell by a failure of its address. It is
// -1 where none is usable.
func refuge(views []health.View, from int) int {
	if views[from].Class.OfAddress() && !views[from].Verdict.Usable() {
		all := make([]int, len(views))
		for i := range all {
			all[i] = i
		}
		return company(all, views, from)
	}
	return slices.IndexFunc(views, func(v health.View) bool { return v.Verdict.Usable() })
}
