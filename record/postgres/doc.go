// Package postgres keeps records in PostgreSQL, which many gateways may share.
//
// The tables are in a schema of their own. Rows and bodies are partitioned by day, so that a
// day that is too old goes as a whole. A batch is one transaction, and comes in with COPY.
// Roll-ups per minute, hour and day are written in it, by one gateway at a time; questions
// about what they cover are answered from them.
//
// It needs PostgreSQL 15 or newer, and is tested on 15.
package postgres
