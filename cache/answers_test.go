package cache

import (
	"sync"
	"testing"
)

func TestAnswers(t *testing.T) {
	a := NewAnswers(1 << 20)
	defer a.Close()
	a.Put([2]uint64{1, 2}, "answer", 6)
	a.c.Wait()
	if v, ok := a.Get([2]uint64{1, 2}); !ok || v != "answer" {
		t.Errorf("got %v, %v", v, ok)
	}
	if v, ok := a.Get([2]uint64{1, 3}); ok {
		t.Errorf("half a key finds %v", v)
	}
	if v, ok := a.Get([2]uint64{2, 2}); ok {
		t.Errorf("the other half finds %v", v)
	}
	if s := a.Stats(); s.Bytes != 6+entryCost+56 { // 56: ristretto's own
		t.Errorf("stats are %+v", s)
	}
}

func TestAnswersKeepTheirBudget(t *testing.T) {
	const budget = 1 << 20
	a := NewAnswers(budget)
	defer a.Close()
	var all sync.WaitGroup
	for w := range uint64(4) {
		all.Go(func() {
			for i := range uint64(2000) {
				k := [2]uint64{w<<32 | i, i}
				a.Put(k, i, 4<<10)
				if v, ok := a.Get(k); ok && v != i {
					t.Errorf("key %d has %v", i, v)
				}
			}
		})
	}
	all.Wait()
	a.Put([2]uint64{9, 1 << 60}, "larger than all", 2*budget)
	a.c.Wait()
	if s := a.Stats(); s.Bytes > budget || s.Bytes < budget/2 || s.Evicted+s.Dropped == 0 {
		t.Errorf("stats are %+v", s)
	}
	if _, ok := a.Get([2]uint64{9, 1 << 60}); ok {
		t.Error("what is larger than the budget is kept")
	}
}

func TestAnswersGetAllocatesNothing(t *testing.T) {
	a := NewAnswers(1 << 20)
	defer a.Close()
	a.Put([2]uint64{1, 2}, "answer", 6)
	a.c.Wait()
	if n := testing.AllocsPerRun(1000, func() { a.Get([2]uint64{1, 2}) }); n > 0.1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAnswersGet(b *testing.B) {
	a := NewAnswers(1 << 20)
	defer a.Close()
	a.Put([2]uint64{1, 2}, "answer", 6)
	a.c.Wait()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a.Get([2]uint64{1, 2})
		}
	})
}
