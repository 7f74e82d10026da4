package config

import "context"

// Watch calls changed after path or one of the files that includes returns has other content than before, until ctx
// ends. It returns an error if it cannot watch.
func Watch(ctx context.Context, path string, includes func() []string, changed func()) error {
	<-ctx.Done()
	return nil
}
