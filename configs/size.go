package configs

// ParseSize reads a size as the configuration has them: a whole number of bytes, KiB,
// MiB or GiB, with its unit.
func ParseSize(text string) (int64, error) { return parseSize(text) }

// FormatSize writes a size as [ParseSize] reads it.
func FormatSize(n int64) string { return formatSize(n) }
