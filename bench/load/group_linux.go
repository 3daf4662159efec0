package main

import (
	"os/exec"
	"syscall"
)

// group puts a program that is not ours into a process group of its own, so that it can be
// killed with all its children, and ends it when the load test is killed
// (source: setpgid(2), and PR_SET_PDEATHSIG in prctl(2)).
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// terminate asks a program to end.
func terminate(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
}

// kill ends a program and, where it has a process group of its own, its children.
func kill(cmd *exec.Cmd) {
	if cmd.SysProcAttr != nil && cmd.SysProcAttr.Setpgid {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended meanwhile
		return
	}
	_ = cmd.Process.Kill() // it may have ended meanwhile
}
