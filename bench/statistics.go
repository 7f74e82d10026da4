package main

import (
	"math/bits"
	"slices"
	"time"
)

// median is the middle value, or the mean of the two middle ones; 0 of none.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// histogram counts durations in buckets that are at most 1/32 wide, so that a percentile is right within 3 %.
type histogram struct {
	counts [1024]uint64
	total  uint64
}

// resolution is the width of the narrowest buckets.
const resolution = time.Microsecond

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// percentile is the duration that p percent of the counted ones do not exceed.
func (h *histogram) percentile(p float64) time.Duration {
	rank := max(1, uint64(p/100*float64(h.total)+0.5))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return bucketEnd(i)
		}
	}
	return 0
}

// bucketOf gives every number below 64 a bucket of its own, and every power of two above 32.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0) / resolution)
	shift := max(bits.Len64(v)-6, 0)
	return min(shift*32+int(v>>shift), 1023)
}

// bucketEnd is the largest duration in a bucket.
func bucketEnd(i int) time.Duration {
	if i < 64 {
		return time.Duration(i) * resolution
	}
	shift := i/32 - 1
	return time.Duration((uint64(i-shift*32)+1)<<shift-1) * resolution
}
