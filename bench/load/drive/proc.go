package drive

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc (source: proc_pid_stat(5); USER_HZ is 100).
const tick = 10 * time.Millisecond

// Usage is what processes have used.
type Usage struct {
	Processes int           // how many they are
	CPU       time.Duration // user and system
	RSS       int64         // bytes resident now; pages that processes share count for each
}

// procStat is a process's line in /proc. Its CPU time holds that of children which have ended
// and were waited for, so nothing is lost when a gateway replaces its workers.
type procStat struct {
	parent int
	Usage
}

// readStat reads a process's line in /proc. Its fields are counted behind the name, which may
// hold spaces: the first of them is the third of the line.
func readStat(path string) (procStat, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return procStat{}, false
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 22 {
		return procStat{}, false
	}
	num := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64) // the kernel writes numbers
		return n
	}
	return procStat{int(num(4)), Usage{
		Processes: 1,
		CPU:       time.Duration(num(14)+num(15)+num(16)+num(17)) * tick,
		RSS:       num(24) * int64(os.Getpagesize()),
	}}, true
}

// Family lists a process and its living descendants.
func Family(pid int) []int {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range all {
		if s, ok := readStat(path); ok {
			child, _ := strconv.Atoi(strings.Split(path, "/")[2])
			children[s.parent] = append(children[s.parent], child)
		}
	}
	family := []int{pid}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	return family
}

// UsageOf returns what processes have used together.
func UsageOf(pids []int) Usage {
	var u Usage
	for _, pid := range pids {
		if s, ok := readStat(fmt.Sprintf("/proc/%d/stat", pid)); ok {
			u.Processes += s.Processes
			u.CPU += s.CPU
			u.RSS += s.RSS
		}
	}
	return u
}

// Machine is the CPU time of the machine so far.
type Machine struct{ Busy, Total time.Duration }

// ReadMachine reads it. Where there is no /proc it is zero.
func ReadMachine() Machine {
	var m Machine
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 {
		return m
	}
	for i, f := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, _ := strconv.ParseInt(f, 10, 64)
		d := time.Duration(n) * tick
		m.Total += d
		if i != 3 && i != 4 {
			m.Busy += d
		}
	}
	return m
}
