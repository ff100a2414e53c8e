//! Which addresses a webhook may reach: those of the public internet. Everything that could be this machine, its network or
//! a cloud's metadata service is refused, also where an IPv6 address hides it. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not public; none: it is.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "unspecified",
        (127, ..) => "loopback",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private",
        (169, 254, _) => "link-local",
        (100, 64..=127, _) => "of a carrier's private network",
        (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _) => "for special purposes",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "for documentation",
        (224..=239, ..) => "multicast",
        (240..=255, ..) => "reserved",
        _ => return None,
    })
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return refusal_v4(inner);
    }
    let [first, second, ..] = address.segments();
    Some(match (first, second) {
        _ if address.is_unspecified() => "unspecified",
        _ if address.is_loopback() => "loopback",
        (0xfc00..=0xfdff, _) => "private",
        (0xfe80..=0xfeff, _) => "link-local",
        (0xff00..=0xffff, _) => "multicast",
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => "for documentation",
        (0x2001, 0..=0x1ff) => "for special purposes",
        (0x2000..=0x3fff, _) => return None,
        _ => "not of the public internet",
    })
}

/// The IPv4 address that is really reached through mapped, NAT64 and 6to4 addresses.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => of(high, low),
        (0x2002, ..) => of(b, c),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
