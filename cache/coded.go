package cache

// renditions are the codings of a page's body that were made so far.
type renditions struct{}
