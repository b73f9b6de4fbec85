//! Whose request it is, for rate limits: the network of the right-most hop that is not a trusted proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address of the peer, as the listener saw it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Peer(pub(in crate::http) Option<SocketAddr>);

/// The client's network: an IPv4 address, or an IPv6 /64, of which one customer has all addresses.
///
/// `X-Forwarded-For` is read from the right and only as far as trusted proxies wrote it: what is
/// further left was written by anyone who sent the request.
pub(in crate::http) fn client_network(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let Peer(Some(peer)) = peer else { return IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.ip().to_canonical();
    let hops = headers.get_all("x-forwarded-for").into_iter().collect::<Vec<_>>();
    // The line that a proxy has added to may begin with bytes of any kind.
    let mut hops = hops.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(&client) {
        let Some(hop) = hops.next().and_then(parse_hop) else { break };
        client = hop;
    }
    network_of(client)
}

/// Proxies write addresses, and some write ports or brackets too.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::request::client_network::*;

    fn network(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("header"));
        }
        let trusted = ["10.0.0.0/8".parse().expect("network"), "fd00::/8".parse().expect("network")];
        client_network(Peer(Some(peer.parse().expect("address"))), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_set_the_client_address() {
        assert_eq!(network("192.0.2.1:1", &[]), "192.0.2.1");
        assert_eq!(network("192.0.2.1:1", &["1.1.1.1"]), "192.0.2.1", "a stranger's header");
        assert_eq!(network("10.0.0.1:1", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(
            network("10.0.0.1:1", &["6.6.6.6, 1.1.1.1"]),
            "1.1.1.1",
            "the left is the client's to write"
        );
        assert_eq!(network("10.0.0.1:1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"]), "1.1.1.1");
        assert_eq!(
            network("10.0.0.1:1", &["6.6.6.6", "1.1.1.1, 10.0.0.2"]),
            "1.1.1.1",
            "several lines are one list"
        );
        assert_eq!(network("10.0.0.1:1", &["1.1.1.1:4711"]), "1.1.1.1");
        assert_eq!(network("10.0.0.1:1", &["garbage"]), "10.0.0.1");
        assert_eq!(network("10.0.0.1:1", &["\u{fe}\u{ff}, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(network("10.0.0.1:1", &["[2001:db8::1]"]), "2001:db8::");
        assert_eq!(network("[fd00::1]:1", &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
        assert_eq!(network("[::ffff:10.0.0.1]:1", &["::ffff:1.1.1.1"]), "1.1.1.1");
    }
}
