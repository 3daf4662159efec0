//go:build race

package rules

// raceEnabled says that the race detector is on, under which a sync.Pool throws away a part
// of what it is given, so that allocations cannot be counted.
const raceEnabled = true
