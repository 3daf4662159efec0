// Package clickhouse keeps records in ClickHouse, for many gateways that answer much.
//
// Tables are partitioned by day and of the ReplacingMergeTree family, and every read is FINAL:
// a batch that is written again, because nobody knows whether it arrived, leaves no second
// row (source: https://clickhouse.com/docs/engines/table-engines/mergetree-family/replacingmergetree).
// ClickHouse has no transactions, so a question that is asked while a batch is being written
// may see a part of it.
//
// There are no roll-ups: the columns that a question needs are read as they are, which is what
// ClickHouse is made for.
//
// The SQL is what ClickHouse 18.16 understands, the version that Debian 12 packages; so there
// is no Map, no LowCardinality and no DateTime64 in it. What newer versions have is used where
// the server says that it is one: a TTL removes old rows also while no gateway runs.
package clickhouse
