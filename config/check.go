package config

func check(f *File, partial bool) Diagnostics { return nil }
