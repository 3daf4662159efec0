//go:build !race

package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a large body may allocate: the client's bytes, read into memory that is taken as they
// come, and nothing else of their size.
const largeBodyTimes = 2.5

func TestAllocationsOfA30MBBody(t *testing.T) {
	const size = 30 << 20
	body := strings.Replace(smallBody(false), "Hello!", strings.Repeat("a line of text\\n", size/16), 1)
	m := newMeasured(t, setup{rules: 10, body: body, events: "10"})
	m.ask() // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.ask()
	runtime.ReadMemStats(&after)
	if times := float64(after.TotalAlloc-before.TotalAlloc) / size; times > largeBodyTimes {
		t.Errorf("a body of 30 MB allocates %.1f times its size, and %.1f times is the budget", times, largeBodyTimes)
	} else {
		t.Logf("%.2f times its size", times)
	}
}

// manyDeployments is the config of n deployments of ten variants, each with a rule of its own.
func manyDeployments(n int) string {
	var b strings.Builder
	b.WriteString("{\nadmin off\nauto_https off\nllm_gateway {\nstore off\nprovider p10 openai_compatible {\nbase_url http://example.com/v1\napi_key k\nheader X-Events 10\ntransport canned\n}\nmodels {\nactivate p10/*\n}\n")
	for d := range n {
		fmt.Fprintf(&b, "deployment d%d {\n", d)
		for v := range 10 {
			fmt.Fprintf(&b, "variant v%d {\nwhen `context.tier == \"%s\" && request.message_count < %d`\nmodel p10/m%d\nsystem \"You are number %d, {{name}}.\"\ninput name Bob\n}\n",
				v, []string{fmt.Sprint("t", d), "free"}[v/9], 100+d, v, d)
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n}\nhttp://127.0.0.1:9999 {\nllm_gateway\n}\n")
	return b.String()
}

// BenchmarkLoadingDeployments is what a start or a reload costs with 1,000 deployments of ten
// variants.
func BenchmarkLoadingDeployments(b *testing.B) {
	config := manyDeployments(1000)
	b.ReportAllocs()
	for b.Loop() {
		begin, cpu := time.Now(), mustCPU(b)
		provision(b, config)
		b.ReportMetric((mustCPU(b) - cpu).Seconds(), "CPU-s/op")
		b.ReportMetric(time.Since(begin).Seconds(), "s/op")
	}
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	b.ReportMetric(float64(stats.HeapInuse)/(1<<20), "MiB-in-use")
}

func mustCPU(t testing.TB) time.Duration {
	cpu, err := processCPU()
	if err != nil {
		t.Fatal(err)
	}
	return cpu
}

// BenchmarkAmongDeployments shows that a request costs the same among however many.
func BenchmarkAmongDeployments(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := newMeasuredOf(b, manyDeployments(n), smallBody(false), fmt.Sprint("d", n-1))
			b.ReportAllocs()
			for b.Loop() {
				m.ask()
			}
		})
	}
}

// A request allocates the same among however many deployments.
func TestAllocationsAmongManyDeployments(t *testing.T) {
	one := newMeasuredOf(t, manyDeployments(1), smallBody(false), "d0").allocs()
	many := newMeasuredOf(t, manyDeployments(100), smallBody(false), "d99").allocs()
	if many > one {
		t.Errorf("%v allocations among a hundred deployments, and %v with one", many, one)
	}
}

// budgetIdleStream is how much memory a stream may keep between Caddy's server and the
// transport while it waits for its next event, in bytes: a buffer of 8 KiB, the exchange, and
// the stack of its goroutine.
const budgetIdleStream = 40 << 10

func TestAllocationsOfAnIdleStream(t *testing.T) {
	const streams = 200
	inUse := func() int64 {
		for range 3 { // pools give what they keep to the second, and finalizers may hold some of it
			runtime.GC()
		}
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc + s.StackInuse)
	}
	g := &gate{arrived: make(chan struct{}, streams), open: make(chan struct{})}
	waiting.Store(g)
	defer waiting.Store(nil)
	all := make([]*measured, streams)
	all[0] = newMeasured(t, setup{rules: 10, body: smallBody(true), events: "10"})
	for i := range all {
		all[i] = all[0].again(smallBody(true), "10")
	}
	done := make(chan struct{}, streams)
	for _, m := range all {
		go func() { m.ask(); done <- struct{}{} }()
	}
	for range streams {
		<-g.arrived
	}
	held := inUse()
	close(g.open)
	for range streams {
		<-done
	}
	// Compared with afterwards and not with before, when earlier tests may have left something.
	each := (held - inUse()) / streams
	if each <= 0 || each > budgetIdleStream {
		t.Errorf("an idle stream keeps %d bytes, and %d are the budget", each, budgetIdleStream)
	} else {
		t.Logf("%d bytes", each)
	}
}
