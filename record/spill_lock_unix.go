//go:build unix

package record

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock of an open file, which ends when the file is closed, also by the
// end of the process. It returns errLocked when another one has it.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// syncFolder makes the names of new files in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
