//go:build race

package dialecttest

// raceEnabled says whether the race detector is on.
const raceEnabled = true
