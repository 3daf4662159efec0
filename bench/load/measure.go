package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/drive"
)

// bench is one run.
type bench struct {
	o        *options
	ctx      context.Context
	provider string // its address
	pid      int    // of the provider
	folder   string // for what the gateways write
}

// running gateway under load.
type contestant struct {
	gateway gateway
	process *process
	load    *drive.Load
	warmup  *drive.Sample // counts only where its answers were wrong
	samples []*drive.Sample
}

func measure(ctx context.Context, o *options, out io.Writer) error {
	p, addr, err := startProvider(ctx, o.provider)
	if err != nil {
		return err
	}
	defer p.stop()
	folder, err := os.MkdirTemp("", "mulligan-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b := &bench{o: o, ctx: ctx, provider: addr, pid: p.cmd.Process.Pid, folder: folder}
	var results []result
	wrongs := false
	for i := range scenarios {
		s := &scenarios[i]
		if !o.scenarios.MatchString(s.name) || s.named && !o.namesOnly {
			continue
		}
		r, err := b.scenario(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, r)
		r.print(out)
		wrongs = wrongs || r.wrong()
	}
	if len(results) == 0 {
		return errors.New("no scenario has such a name")
	}
	fmt.Fprintf(out, "\n## All scenarios\n\n%s, %d cores, %d rounds of %g s after %g s to warm up.\n\n", runtime.Version(), runtime.NumCPU(), o.rounds, o.seconds, o.warmup)
	summary(out, results)
	if wrongs {
		return errors.New("there were wrong answers: see the tables")
	}
	return nil
}

// scenario lets the gateways take turns. The first turn of each is a warm-up.
func (b *bench) scenario(s *scenario) (result, error) {
	contestants, err := b.contestants(s)
	defer func() {
		for _, c := range contestants {
			c.load.Close()
			c.process.stop()
		}
	}()
	if err != nil {
		return result{}, err
	}
	length, warmup := seconds(b.o.seconds), seconds(b.o.warmup)
	for round := range b.o.rounds + 1 {
		for i := range contestants { // each round begins with another
			c := contestants[(i+round)%len(contestants)]
			if b.ctx.Err() != nil {
				return result{}, b.ctx.Err()
			}
			if round == 0 {
				c.warmup = c.load.Turn(warmup)
			} else {
				c.samples = append(c.samples, c.load.Turn(length))
			}
		}
	}
	if b.o.profiles != "" {
		for _, c := range contestants {
			if err := b.profile(s, c, length); err != nil {
				return result{}, err
			}
		}
	}
	return result{s, contestants}, nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (b *bench) contestants(s *scenario) ([]*contestant, error) {
	var all []*contestant
	for _, g := range gateways(b.o) {
		if g.in != nil && !g.in.MatchString(s.name) || g.name != baseline && !b.o.gateways.MatchString(g.name) {
			continue
		}
		c, err := b.contestant(s, g)
		if err != nil {
			return all, fmt.Errorf("%s: %w", g.name, err)
		}
		all = append(all, c)
	}
	for _, text := range b.o.others {
		g, target, err := running(text)
		if err != nil {
			return all, err
		}
		target.Model = g.target(s).Model
		load, err := drive.New(target, s.shape, b.pid)
		if err != nil {
			return all, err
		}
		all = append(all, &contestant{gateway: g, load: load})
	}
	return all, nil
}

// contestant starts a gateway.
func (b *bench) contestant(s *scenario, g gateway) (*contestant, error) {
	c := &contestant{gateway: g}
	addr := b.provider
	var err error
	if g.config != nil || g.command != nil {
		if addr, err = freeAddress(); err != nil {
			return nil, err
		}
		if c.process, err = b.start(g, addr); err != nil {
			return nil, err
		}
	}
	target := g.target(s)
	target.URL = "http://" + addr + chatPath
	if c.process != nil {
		target.PID = c.process.cmd.Process.Pid
	}
	if c.load, err = drive.New(target, s.shape, b.pid); err != nil {
		c.process.stop()
		return nil, err
	}
	return c, nil
}

func (b *bench) start(g gateway, addr string) (*process, error) {
	folder, err := os.MkdirTemp(b.folder, "")
	if err != nil {
		return nil, err
	}
	if g.config != nil {
		config := g.config(b.provider, addr)
		config.data = folder
		return startCaddy(b.ctx, config, b.o.profiles != "")
	}
	p := place{provider: b.provider, addr: addr, folder: folder}
	cmd, err := g.command(p)
	if err != nil {
		return nil, fmt.Errorf("write its config: %w", err)
	}
	return startOther(b.ctx, cmd, p)
}

// profile fetches profiles of a gateway over one more turn.
func (b *bench) profile(s *scenario, c *contestant, length time.Duration) error {
	if c.process == nil || c.process.admin == "" {
		return nil
	}
	kinds := map[string]string{"cpu": "profile", "allocs": "allocs", "mutex": "mutex", "block": "block"}
	errs := make(chan error, len(kinds))
	var wg sync.WaitGroup
	for name, path := range kinds {
		wg.Go(func() {
			url := fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", c.process.admin, path, max(int(length.Seconds()), 1))
			file := strings.NewReplacer(" ", "-", ",", "").Replace(c.gateway.name) + "." + s.name + "." + name
			errs <- fetch(b.ctx, url, filepath.Join(b.o.profiles, file))
		})
	}
	c.load.Turn(length)
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	return nil
}

func fetch(ctx context.Context, url, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, res.Status, body)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o600)
}
