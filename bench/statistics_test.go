package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{7}, 7}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{100, 1, 1}, 1},
	} {
		before := append([]float64(nil), c.values...)
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
		for i := range before {
			if before[i] != c.values[i] {
				t.Errorf("median has sorted its argument: %v", c.values)
			}
		}
	}
}

func TestHistogramBucketsHoldWhatTheySay(t *testing.T) {
	last := -1
	for us := time.Duration(0); us < 3_000_000; us += 1 + us/200 {
		d := us * time.Microsecond
		i := bucketOf(d)
		if i < last {
			t.Fatalf("%v is in bucket %d, and less in bucket %d", d, i, last)
		}
		last = i
		if end := bucketEnd(i); end < d || end > d+d/32+time.Microsecond {
			t.Fatalf("%v is in a bucket that ends at %v", d, end)
		}
		if i > 0 && bucketEnd(i-1) >= d {
			t.Fatalf("%v is in bucket %d, but fits the one before, which ends at %v", d, i, bucketEnd(i-1))
		}
	}
	if i := bucketOf(time.Hour * 1000); i != 1023 {
		t.Errorf("what is too long is in bucket %d", i)
	}
	if i := bucketOf(-time.Second); i != 0 {
		t.Errorf("what took less than nothing is in bucket %d", i)
	}
}

func TestHistogramPercentiles(t *testing.T) {
	var a, b histogram
	for i := 1; i <= 50; i++ {
		a.add(time.Duration(i) * time.Microsecond)
	}
	for i := 51; i <= 100; i++ {
		b.add(time.Duration(i) * time.Microsecond)
	}
	a.merge(&b)
	for _, c := range []struct {
		p    float64
		want time.Duration
	}{{1, 1}, {50, 50}, {60, 60}, {99, 99}, {100, 101}} {
		if got := a.percentile(c.p); got != c.want*time.Microsecond { // 100 µs shares a bucket with 101
			t.Errorf("percentile %v is %v, want %v µs", c.p, got, int(c.want))
		}
	}
	if got := new(histogram).percentile(50); got != 0 {
		t.Errorf("the percentile of nothing is %v", got)
	}
}
