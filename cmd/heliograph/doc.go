// Command heliograph keeps a publication readable when its domain is blocked,
// poisoned, seized or down.
//
//	heliograph run ORIGIN...        serve a site from the best of its origins
//	heliograph run -c FILE          the same, as a configuration file says
//	heliograph check URL...         look at addresses stage by stage
//	heliograph canary new|sign|verify
//	                                make keys, and sign the proof that an origin is the publication's
//	heliograph validate FILE...     check configuration files
//	heliograph demo                 a small newspaper, an edge, and a reader, to break and mend
//	heliograph healthcheck          ask a running edge whether it serves readers
//	heliograph version              which program this is
//
// This room is the wiring: it builds the rooms' values from a configuration,
// starts them, swaps them on reload, and ends them.
package main
