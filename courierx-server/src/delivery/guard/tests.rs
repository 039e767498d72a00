//! A table of targets, and the way past each kind of wrapping.

use super::*;

fn guard(networks: &[&str]) -> Guard {
    let networks = networks.iter().map(|net| net.parse().unwrap()).collect();
    Guard::new(PrivateTargets::Networks(networks))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const PUBLIC: [&str; 20] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a01:4f8::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
];

const REFUSED_TARGETS: [&str; 66] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:0:0:1::8.8.8.8",
    "64:ff9b:1::127.0.0.1",
    "64:ff9b:1::192.168.0.1",
    // The address of a /48 translator, which ignores the end.
    "64:ff9b:1:7f00:0:100:808:808",
    "64:ff9b:2::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
];

#[test]
fn only_public_addresses_are_reached() {
    let guard = Guard::new(PrivateTargets::None);
    for target in PUBLIC {
        assert!(guard.permits(address(target)), "{target}");
        assert!(!guard.permits_as_private(address(target)), "{target}");
    }
    for target in REFUSED_TARGETS {
        assert!(!guard.permits(address(target)), "{target}");
        assert!(!guard.permits_as_private(address(target)), "{target}");
    }
}

#[test]
fn everything_is_reached_if_the_operator_says_so() {
    let guard = Guard::new(PrivateTargets::All);
    for target in REFUSED_TARGETS {
        assert!(guard.permits(address(target)) && guard.permits_as_private(address(target)), "{target}");
    }
    assert!(!guard.permits_as_private(address("8.8.8.8")), "what is public is not private");
}

#[test]
fn a_network_that_is_allowed_is_allowed_in_every_wrapping() {
    let guard = guard(&["10.1.0.0/16", "fd00:1::/32", "::1/128"]);
    for target in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "::10.1.2.3",
        "64:ff9b::10.1.2.3",
        "64:ff9b:1::10.1.2.3",
        "2002:a01:203::1",
        "fd00:1:2::3",
        "::1",
        "8.8.8.8",
    ] {
        assert!(guard.permits(address(target)), "{target}");
    }
    for target in
        ["10.2.0.1", "::ffff:10.2.0.1", "2002:a02:1::1", "fd00:2::1", "127.0.0.1", "::ffff:127.0.0.1"]
    {
        assert!(!guard.permits(address(target)), "{target}");
    }
    assert!(guard.allows_some());
    assert!(!Guard::new(PrivateTargets::None).allows_some());
}

#[tokio::test]
async fn whose_host_is_refused_is_told_who_can_allow_it_and_not_where_it_is() {
    let guard = Guard::new(PrivateTargets::None);
    for (connect, text) in [(guard.connect(), REFUSED), (guard.connect_privately(), REFUSED_PLAIN)] {
        // Nothing is connected to, so no port has to answer.
        let refused = connect.connect("localhost", 1, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(refused.to_string(), text);
        assert!(text.contains("COURIERX_ALLOW_PRIVATE_TARGETS"));
    }
}
