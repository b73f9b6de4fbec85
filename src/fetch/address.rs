//! Which addresses an issuer may live at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet. Private, loopback, link-local (cloud
/// metadata), shared, documentation, translated, tunnelled and multicast addresses are not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3. Everything else is local, multicast, or translated to IPv4
    // addresses that may be private (NAT64).
    let global = first & 0xe000 == 0x2000;
    // 2001::/23 is for protocols: Teredo, which embeds IPv4 addresses, benchmarking, ORCHID.
    let protocol = first == 0x2001 && second < 0x0200;
    let documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    // 6to4 embeds IPv4 addresses.
    global && !protocol && !documentation && first != 0x2002
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ipnet::{IpNet, Ipv6Net};

    use super::is_public;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn public_addresses_are_public() {
        for public in [
            "1.1.1.1",
            "140.82.121.4",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::",
            "2001:4860:4860::8888",
            "2620:4f:8000::1",
            "3fff:1000::",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address(public)), "{public}");
        }
    }

    /// IANA's special-purpose registries of both families, without the few blocks in them that are
    /// ordinary addresses of the internet (192.31.196.0/24, 192.52.193.0/24, 192.175.48.0/24,
    /// 2620:4f:8000::/48), and multicast.
    #[test]
    fn iana_special_ranges_are_not_public() {
        for block in [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "::/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2001::/23",
            "2001::/32",
            "2001:2::/48",
            "2001:10::/28",
            "2001:20::/28",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ] {
            let block: IpNet = block.parse().expect("a network");
            let last = block.broadcast();
            for inside in [block.network(), last] {
                assert!(!is_public(inside), "{inside} of {block}");
            }
            // And as IPv6 writes an IPv4 address.
            if let (IpNet::V4(_), IpAddr::V4(first), IpAddr::V4(last)) = (block, block.network(), last) {
                for inside in [first, last] {
                    assert!(!is_public(inside.to_ipv6_mapped().into()), "::ffff:{inside}");
                }
            }
        }
        let mapped: Ipv6Net = "::ffff:0:0/96".parse().expect("a network");
        assert!(!is_public(mapped.network().into()) && !is_public(mapped.broadcast().into()));
    }

    #[test]
    fn metadata_addresses_are_not_public_in_any_form() {
        for inside in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::",
            "2001:0:a9fe:a9fe::",
            "fd00:ec2::254",
            "fe80::a9fe:a9fe",
            "100.100.100.200",
            "192.0.0.192",
        ] {
            assert!(!is_public(address(inside)), "{inside}");
        }
    }
}
