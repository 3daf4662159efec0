package dbserver

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
)

// ClickHouse starts the ClickHouse that Debian packages, 18.16, with an empty database and
// returns it with the URL of its native port.
func ClickHouse(t testing.TB) (s *Server, url string) {
	t.Helper()
	s = newServer(t, find(t, "ClickHouse", "clickhouse-server", "/usr/bin/clickhouse-server"))
	users := s.write("users.xml", clickhouseUsers)
	config := s.write("config.xml", fmt.Sprintf(clickhouseConfig, portOf(s.Address), s.folder, users))
	s.args = []string{"--config-file=" + config}
	s.ready = func(ctx context.Context) error { return accepts(ctx, s.Address) }
	s.Start()
	return s, "clickhouse://" + s.Address + "/default"
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// The HTTP port is not used, and 18.16 has no way to do without one: 0 takes any that is free.
var clickhouseConfig = strings.TrimSpace(`
<yandex>
	<logger><level>warning</level><console>1</console></logger>
	<listen_host>127.0.0.1</listen_host>
	<tcp_port>%[1]s</tcp_port>
	<path>%[2]s/data/</path>
	<tmp_path>%[2]s/tmp/</tmp_path>
	<user_files_path>%[2]s/files/</user_files_path>
	<format_schema_path>%[2]s/schemas/</format_schema_path>
	<users_config>%[3]s</users_config>
	<default_profile>default</default_profile>
	<default_database>default</default_database>
	<timezone>UTC</timezone>
	<mark_cache_size>67108864</mark_cache_size>
	<max_connections>64</max_connections>
</yandex>`)

const clickhouseUsers = `<yandex>
	<profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
	<users><default>
		<password></password><networks><ip>127.0.0.1</ip></networks>
		<profile>default</profile><quota>default</quota>
	</default></users>
	<quotas><default></default></quotas>
</yandex>`
