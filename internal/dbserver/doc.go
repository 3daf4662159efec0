// Package dbserver starts real database servers for tests: PostgreSQL and ClickHouse as
// Debian packages them, on free loopback ports, in temporary folders, as an unprivileged
// user, and stopped with the test. install.sh beside it installs them; a server that is
// missing fails the test.
package dbserver
