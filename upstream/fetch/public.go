package fetch

import "net/netip"

// public says whether an address is one of the public Internet, and a port one of the web. Of
// IPv6 only what is handed out for it counts (2000::/3), so that forms that hold or lead to
// another address (::ffff:10.0.0.1 apart, which has been taken apart before) are none.
//
// Sources: https://www.iana.org/assignments/iana-ipv4-special-registry,
// https://www.iana.org/assignments/iana-ipv6-special-registry.
func public(to netip.AddrPort) bool {
	if port := to.Port(); port != 80 && port != 443 {
		return false
	}
	a := to.Addr().Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !handedOut.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

var handedOut = netip.MustParsePrefix("2000::/3")

// special are networks that are not of the public Internet, beside those that netip knows.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers' own
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("168.63.129.16/32"), // a cloud's own, at an address that looks public
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"),     // Teredo among them, which holds an IPv4 address
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("2002::/16"),     // 6to4, which holds an IPv4 address
	netip.MustParsePrefix("3fff::/20"),     // documentation
}
