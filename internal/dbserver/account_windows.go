package dbserver

import "syscall"

// account is who the server runs as: on Windows whoever runs the test.
type account struct{}

func unprivileged() (*account, error) { return nil, nil }

func (*account) own(string) error { return nil }

func (*account) attributes() *syscall.SysProcAttr { return nil }
