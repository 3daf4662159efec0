package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// result is what came of a scenario.
type result struct {
	scenario    *scenario
	contestants []*contestant
}

// find returns the contestant of that name, or nil.
func (r *result) find(name string) *contestant {
	for _, c := range r.contestants {
		if c.gateway.name == name {
			return c
		}
	}
	return nil
}

func (r *result) wrong() bool {
	return slices.ContainsFunc(r.contestants, func(c *contestant) bool { return c.wrong() != "0" })
}

// wrong lists the answers that were not right.
func (c *contestant) wrong() string {
	all := map[string]int{}
	for _, s := range append(c.samples, c.warmup) {
		for what, n := range s.Wrong {
			all[what] += n
		}
	}
	if len(all) == 0 {
		return "0"
	}
	return fmt.Sprint(all)
}

// ratios returns, for each round, a contestant's CPU time per request by the baseline's, sorted.
func (r *result) ratios(c *contestant) []float64 {
	base := r.find(baseline)
	var all []float64
	for i := range min(len(base.samples), len(c.samples)) {
		if base.samples[i].CPU > 0 && c.samples[i].CPU > 0 {
			all = append(all, float64(c.samples[i].CPU)/float64(base.samples[i].CPU))
		}
	}
	slices.Sort(all)
	return all
}

func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "\n## %s: %s\n\n", r.scenario.name, r.scenario.about)
	if r.scenario.shape.Stream {
		fmt.Fprintln(w, "| gateway | CPU µs/stream | by reverse_proxy | streams/s | first token p50 / p99 ms | chunk's way p50 / p99 ms | RSS MiB, begin / most | wrong |")
		fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|--:|")
	} else {
		fmt.Fprintln(w, "| gateway | CPU µs/request | by reverse_proxy | requests/s | p50 / p99 ms | RSS MiB, begin / most | wrong |")
		fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|")
	}
	others := 0.0
	for _, c := range r.contestants {
		fmt.Fprintf(w, "| %s | %s | %s | %.0f |", c.gateway.name, c.micros(), r.ratio(c), median(c.samples, func(s *drive.Sample) float64 { return float64(s.Requests) / s.Seconds }))
		if r.scenario.shape.Stream {
			fmt.Fprintf(w, " %s | %s |", c.dist(func(s *drive.Sample) drive.Dist { return s.FirstToken }), c.dist(func(s *drive.Sample) drive.Dist { return s.Transit }))
		} else {
			fmt.Fprintf(w, " %s |", c.dist(func(s *drive.Sample) drive.Dist { return s.Latency }))
		}
		fmt.Fprintf(w, " %s | %s |\n", c.memory(), c.wrong())
		others = max(others, median(c.samples, func(s *drive.Sample) float64 { return s.Others }))
	}
	fmt.Fprintf(w, "\n%s\nOther processes took up to %.0f %% of the machine.\n", r.counted(), 100*others)
}

// counted says of which processes CPU time and memory are.
func (r *result) counted() string {
	var all []string
	for _, c := range r.contestants {
		n := 0
		for _, s := range c.samples {
			n = max(n, s.Processes)
		}
		if n > 0 {
			all = append(all, fmt.Sprintf("%s %d", c.gateway.name, n))
		}
	}
	return "CPU time and memory are those of each gateway's own process with all its descendants (how many: " +
		strings.Join(all, "; ") + "), not of the provider and the clients."
}

// ratio returns the median of the ratios and how far they are apart.
func (r *result) ratio(c *contestant) string {
	all := r.ratios(c)
	if c.process == nil && c.gateway.name == direct || len(all) == 0 {
		return "–"
	}
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", middle(all), all[0], all[len(all)-1])
}

func (c *contestant) micros() string {
	cpu := func(s *drive.Sample) float64 { return float64(s.CPU) / float64(time.Microsecond) }
	if median(c.samples, cpu) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", median(c.samples, cpu))
}

func (c *contestant) dist(of func(*drive.Sample) drive.Dist) string {
	ms := func(at func(drive.Dist) time.Duration) float64 {
		return median(c.samples, func(s *drive.Sample) float64 { return float64(at(of(s))) / float64(time.Millisecond) })
	}
	return fmt.Sprintf("%.2f / %.2f", ms(func(d drive.Dist) time.Duration { return d.P50 }), ms(func(d drive.Dist) time.Duration { return d.P99 }))
}

func (c *contestant) memory() string {
	const mib = 1 << 20
	begin := median(c.samples, func(s *drive.Sample) float64 { return float64(s.RSSBegin) / mib })
	if begin == 0 {
		return "–"
	}
	most := slices.MaxFunc(c.samples, func(a, b *drive.Sample) int { return cmp.Compare(a.RSS, b.RSS) })
	return fmt.Sprintf("%.0f / %.0f", begin, float64(most.RSS)/mib)
}

// summary prints the ratios of all scenarios in one table.
func summary(w io.Writer, results []result) {
	var names []string
	for _, r := range results {
		for _, c := range r.contestants {
			if c.gateway.name != direct && !slices.Contains(names, c.gateway.name) {
				names = append(names, c.gateway.name)
			}
		}
	}
	fmt.Fprintf(w, "| CPU per request by reverse_proxy | aim | %s |\n|---|--:|%s\n", strings.Join(names, " | "), strings.Repeat("--:|", len(names)))
	for _, r := range results {
		aim := "–"
		if a, ok := r.scenario.aims[mulligan]; ok {
			aim = fmt.Sprintf("≤ %.2f", a)
		}
		fmt.Fprintf(w, "| %s | %s |", r.scenario.name, aim)
		for _, name := range names {
			cell := "–"
			if c := r.find(name); c != nil {
				if all := r.ratios(c); len(all) > 0 {
					cell = fmt.Sprintf("%.2f", middle(all))
				}
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
}

func median(samples []*drive.Sample, of func(*drive.Sample) float64) float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = of(s)
	}
	slices.Sort(all)
	return middle(all)
}

// middle returns the median of what is sorted.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
