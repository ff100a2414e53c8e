//! The table of what may be reached and what may not.

use super::refusal;

fn refused(text: &str) -> bool {
    refusal(text.parse().unwrap_or_else(|_| panic!("{text} is an address"))).is_some()
}

#[test]
fn addresses_that_are_not_public_are_refused() {
    let addresses = [
        // This machine and this network.
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "100.127.255.255",
        // Metadata services of clouds.
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        // Special purposes.
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.9",
        "198.18.0.1",
        "198.19.255.255",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        // IPv6.
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "2001:db8::1",
        "3fff::1",
        "2001::1",
        "2001:10::1",
        "100::1",
        "5f00::1",
        "64:ff9b:1::1",
        "4000::1",
        // IPv4 hidden in IPv6: mapped, compatible, NAT64, 6to4.
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::",
    ];
    let let_through: Vec<&str> = addresses.into_iter().filter(|address| !refused(address)).collect();
    assert!(let_through.is_empty(), "these are not public: {let_through:?}");
}

#[test]
fn public_addresses_are_reached() {
    let addresses = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "128.0.0.1",
        "169.253.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.1.1",
        "192.169.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ];
    let kept_out: Vec<&str> = addresses.into_iter().filter(|address| refused(address)).collect();
    assert!(kept_out.is_empty(), "these are public: {kept_out:?}");
}
