// Command bench measures what Mulligan costs beside Caddy's own reverse_proxy, in one run
// and one process: `make bench`, or
//
//	go run ./bench [-rounds 5] [-seconds 2] [-c 32]
//
// One Caddy serves both, as two sites in front of the same provider. The provider and the
// clients are a second process, so that the CPU time and the allocations of this one are
// those of Caddy alone: its HTTP server, the handler, and its HTTP client. The two sites
// take turns, and each figure is the median over the rounds. Times depend on the machine;
// the ratio is the figure to look at.
//
// Mulligan's site does all it ever does: it parses the body, asks ten rules, replaces the
// model, watches the stream, counts tokens and prices, and writes metrics.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	var o options
	load := flag.Bool("load", false, "be the provider and the clients (used by bench itself)")
	flag.IntVar(&o.rounds, "rounds", 5, "`number` of turns that each site takes per scenario")
	flag.Float64Var(&o.seconds, "seconds", 1.5, "length of a turn in `seconds`")
	flag.IntVar(&o.connections, "c", 32, "`number` of clients at a time")
	flag.Parse()
	var err error
	if *load {
		err = serveLoad(os.Stdin, os.Stdout)
	} else {
		err = measure(o, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type options struct {
	rounds, connections int
	seconds             float64
}

// A job tells the load process what to do; a result says what came of it.
type (
	job struct {
		URL         string            `json:"url"`
		Scenario    string            `json:"scenario"`
		Header      map[string]string `json:"header"`
		Connections int               `json:"connections"`
		Duration    time.Duration     `json:"duration"`
	}
	result struct {
		Requests int    `json:"requests"`
		Error    string `json:"error"`
	}
)

// loader is the load process.
type loader struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startLoader() (*loader, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.Command(self, "-load")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("start load process: %w", err)
	}
	l := &loader{cmd: cmd, in: in, out: bufio.NewReader(out)}
	addr, err := l.out.ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("read the load process's address: %w", err)
	}
	return l, strings.TrimSpace(addr), nil
}

func (l *loader) run(j job) (int, error) {
	if err := json.NewEncoder(l.in).Encode(j); err != nil {
		return 0, err
	}
	line, err := l.out.ReadBytes('\n')
	if err != nil {
		return 0, fmt.Errorf("read the load process's result: %w", err)
	}
	var r result
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, err
	}
	if r.Error != "" {
		return 0, errors.New(r.Error)
	}
	return r.Requests, nil
}

func (l *loader) stop() error {
	return errors.Join(l.in.Close(), l.cmd.Wait())
}

// cost is what one request cost Caddy's process.
type cost struct {
	cpu    time.Duration
	allocs float64
	bytes  float64
}

func measure(o options, w io.Writer) error {
	l, provider, err := startLoader()
	if err != nil {
		return err
	}
	defer func() { _ = l.stop() }() // what it has to say was said before
	sites, stop, err := startCaddy(provider)
	if err != nil {
		return err
	}
	defer func() { _ = stop() }() // nothing is left that could be lost

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "CPU and allocations per request of Caddy's process, %d clients, median of %d rounds, %s, %d cores\n\n",
		o.connections, o.rounds, runtime.Version(), runtime.NumCPU())
	fmt.Fprintln(t, "\tCPU\t\t\tallocations\t\t\tKB allocated\t\t\t")
	fmt.Fprintln(t, "scenario"+strings.Repeat("\tproxy\tmulligan\tratio", 3)+"\t")
	for _, s := range scenarios {
		costs, err := measureScenario(o, l, s, sites)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		proxy, own := median(costs[0]), median(costs[1])
		fmt.Fprintf(t, "%s\t%v\t%v\t%.2f\t%.0f\t%.0f\t%.2f\t%.1f\t%.1f\t%.2f\t\n", s.name,
			proxy.cpu.Round(time.Microsecond), own.cpu.Round(time.Microsecond), float64(own.cpu)/float64(proxy.cpu),
			proxy.allocs, own.allocs, own.allocs/proxy.allocs,
			proxy.bytes/1024, own.bytes/1024, own.bytes/proxy.bytes)
	}
	return t.Flush()
}

// measureScenario lets the sites take turns, the first turn of each being a warm-up.
func measureScenario(o options, l *loader, s scenario, sites []site) ([][]cost, error) {
	costs := make([][]cost, len(sites))
	for round := range o.rounds + 1 {
		for i, site := range sites {
			c, err := turn(l, job{
				URL: site.url, Scenario: s.name, Header: site.header(s),
				Connections: o.connections, Duration: time.Duration(o.seconds * float64(time.Second)),
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", site.name, err)
			}
			if round > 0 {
				costs[i] = append(costs[i], c)
			}
		}
	}
	return costs, nil
}

func turn(l *loader, j job) (cost, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpuBefore, err := processCPU()
	if err != nil {
		return cost{}, err
	}
	n, err := l.run(j)
	if err != nil {
		return cost{}, err
	}
	cpuAfter, err := processCPU()
	if err != nil {
		return cost{}, err
	}
	runtime.ReadMemStats(&after)
	if n == 0 {
		return cost{}, errors.New("no request was answered")
	}
	return cost{
		cpu:    (cpuAfter - cpuBefore) / time.Duration(n),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, nil
}

// median takes the median of each figure by itself.
func median(costs []cost) cost {
	at := func(of func(cost) float64) float64 {
		values := make([]float64, len(costs))
		for i, c := range costs {
			values[i] = of(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{
		cpu:    time.Duration(at(func(c cost) float64 { return float64(c.cpu) })),
		allocs: at(func(c cost) float64 { return c.allocs }),
		bytes:  at(func(c cost) float64 { return c.bytes }),
	}
}
