// Command demotraffic sends a few hundred requests and feedback to the example gateway that `make run`
// starts, and prints how to ask what became of them: `make demo-traffic`. It ends by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/mulligan-gateway/mulligan/internal/demotraffic"
)

const ask = `
What became of them, by variant:

bin/caddy llm records stats --config Caddyfile.example --deployment support-reply --by variant

`

func main() {
	log.SetFlags(0)
	log.SetPrefix("demo-traffic: ")
	origin := flag.String("url", "http://127.0.0.1:8080", "Origin of the example gateway, on this machine")
	flag.Parse()
	if err := run(*origin); err != nil {
		log.Fatal(err)
	}
}

func run(origin string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("Sending %d requests to %s …\n", demotraffic.Requests, origin)
	s, err := demotraffic.Send(ctx, origin)
	if err != nil {
		return err
	}
	fmt.Printf("%d answers, of which %d are streams and %d refusals, and %d values of feedback.\n", s.Requests(), s.Streams, s.Refused, s.Feedback)
	for _, variant := range slices.Sorted(maps.Keys(s.Variants)) {
		fmt.Printf("  %-10s  %d\n", variant, s.Variants[variant])
	}
	fmt.Print(ask)
	return nil
}
