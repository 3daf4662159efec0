// Package sqlite keeps records in one SQLite file, for a gateway that runs on one machine.
//
// One connection writes, others read from the state that was there when they began, so a
// question never holds up recording (write-ahead log, source: https://www.sqlite.org/wal.html).
// The file may be open in several processes of one machine at once, so that the command line
// can read what a running gateway writes. It must not be on a network filesystem, where
// SQLite's locks and shared memory do not work.
//
// Write survives the end of the process at any moment. When the machine loses power, the
// transactions of the last moments may be missing, but the file is whole (synchronous=NORMAL).
//
// Roll-ups per minute, hour and day are written in the transaction of their rows, and go with
// them. Questions about what they cover are answered from them.
package sqlite
