package blob

// WaitMemory waits until memory has taken or declined what it was offered.
func WaitMemory(m *Memory) { m.cache.Wait() }
