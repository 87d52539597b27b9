// Package configs reads the operator's configuration file, or the origins given
// on the command line, into a [File].
//
// # Contract
//
//   - A File that [Load], [Parse] or [FromOrigins] hands out is whole: every
//     default is filled in, every rule of the schema holds, names are lower case,
//     and relative paths are resolved. The receivers need not look again.
//   - A file that breaks a rule is refused with a [*Refusal] that lists all
//     mistakes at once, in file order, each with its position, the field's path
//     and what would be accepted. There is no lenient mode.
//   - Nothing is read but the file itself and the environment variables that name
//     the state home. The certificates and lists a File refers to are looked at by
//     [File.CheckFiles], and only there.
//   - No mistake repeats what may be a secret: the passwords of URLs and proxies,
//     and keys.
//   - The input is bounded: at most 1 MiB and 50,000 tokens, and 32 levels of
//     brackets. Anchors, aliases, merge keys and tags are refused, so a file is
//     as long as it looks.
//
// The tables in schema.go are the schema: the keys, what each accepts, and where
// its value goes. heliograph.yaml is the same schema as an annotated example.
package configs
