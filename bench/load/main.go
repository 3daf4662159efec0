// Command load measures what a gateway costs under load, beside Caddy's plain reverse_proxy:
// `make bench-load`, or
//
//	go run ./bench/load [-rounds 5] [-seconds 2] [-warmup 2] [-scenarios REGEXP] [-gateways REGEXP] [-profiles DIR]
//
// It starts a provider, and each gateway in a process of its own, sends them the same requests
// in turns, and checks every answer: one that is wrong is an error and not a fast one. The
// figure to look at is the CPU time that the gateway's process uses per request, as a ratio to
// reverse_proxy's in the same round. Rates and delays depend on what else the machine does,
// and on how provider and clients share the cores with the gateway; ratios do much less.
//
// Everything is on loopback and ends by itself. It reads /proc, so it needs Linux.
//
// Other gateways are measured beside them when they are named: see the flags -nginx, -portkey,
// -litellm, -gomodel and -other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	"github.com/mulligan-gateway/mulligan/bench/load/mock"
)

// options are the flags.
type options struct {
	rounds              int
	seconds, warmup     float64 // lengths of turns
	scenarios, gateways *regexp.Regexp
	profiles            string
	programs            map[string]string // paths of other gateways, by their names in programs
	others              []string
	provider            string
	namesOnly           bool
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err) // Caddy takes package log over
		os.Exit(1)
	}
}

// The roles in which the command starts itself.
const (
	roleProvider = "be-the-provider"
	roleGateway  = "be-the-gateway"
)

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case roleProvider:
			return beProvider(args[1])
		case roleGateway:
			return beGateway(os.Stdin, len(args) > 1)
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return errors.New("it reads the gateways' CPU time from /proc: run it on Linux")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return measure(ctx, o, os.Stdout)
}

func parse(args []string) (*options, error) {
	o := &options{programs: map[string]string{}}
	f := flag.NewFlagSet("load", flag.ExitOnError)
	f.IntVar(&o.rounds, "rounds", 5, "`number` of turns that each gateway takes per scenario")
	f.Float64Var(&o.seconds, "seconds", 2, "length of a turn in `seconds`")
	f.Float64Var(&o.warmup, "warmup", 0, "length in `seconds` of the turn before the first, which does not count; that of the others when 0. Programs that are compiled while they run, such as those on Node.js, need several")
	scenarios := f.String("scenarios", "", "only the scenarios that match this `regexp`; all when empty, but for those that are only run by name")
	gateways := f.String("gateways", "", "only the gateways that match this `regexp`, and reverse_proxy")
	f.StringVar(&o.profiles, "profiles", "", "write profiles (CPU, allocations, mutexes, blocking) of each gateway and scenario into this `folder`; costs are not comparable then")
	for _, p := range programs {
		p.flag(f, o.programs)
	}
	f.Func("other", "measure a gateway that runs already, too: `name,url,pid,model`; it must send requests to -provider. May be repeated", func(s string) error {
		o.others = append(o.others, s)
		return nil
	})
	f.StringVar(&o.provider, "provider", "127.0.0.1:0", "`address` of the provider")
	_ = f.Parse(args) // it exits by itself
	if f.NArg() > 0 {
		return nil, fmt.Errorf("there is no argument %q; see -help", f.Arg(0))
	}
	if o.rounds < 1 || o.seconds <= 0 || o.warmup < 0 {
		return nil, errors.New("-rounds and -seconds must be above 0, and -warmup not below")
	}
	if o.warmup == 0 {
		o.warmup = o.seconds
	}
	if len(o.others) > 0 && strings.HasSuffix(o.provider, ":0") {
		return nil, errors.New("a gateway of -other must know where the provider will be: say -provider 127.0.0.1:PORT, too")
	}
	if err := findPrograms(o.programs); err != nil {
		return nil, err
	}
	var err error
	if o.scenarios, err = regexp.Compile(*scenarios); err != nil {
		return nil, fmt.Errorf("-scenarios: %w", err)
	}
	if o.gateways, err = regexp.Compile(*gateways); err != nil {
		return nil, fmt.Errorf("-gateways: %w", err)
	}
	o.namesOnly = *scenarios != ""
	return o, nil
}

// beProvider serves the provider until standard input ends, which it does when whoever has
// started it ends.
func beProvider(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return mock.Serve(l)
}
