use super::*;

fn reach(text: &str) -> Reach {
    classify(text.parse().unwrap())
}

#[test]
fn public_addresses_are_public() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
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
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "168.63.129.15",
        "2606:4700:4700::1111",
        "2a00:1450:4001:80b::200e",
        "2001:200::1",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2a00::5efe:808:808",
    ] {
        assert_eq!(reach(text), Reach::Public, "{text}");
    }
}

#[test]
fn every_block_of_the_registries_is_special_at_both_of_its_ends() {
    for text in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.31.196.7",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "192.175.48.6",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.254",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "100::",
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::1",
        "5f00::1",
        "fc00::",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "fe81::1",
        "febf::1",
        "fec0::1",
        "feff::1",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1::1",
        "2001:2::1",
        "2001:20::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff::1",
        "3fff:fff::1",
        "2620:4f:8000::1",
        "4000::1",
        "1fff::1",
        "8000::1",
    ] {
        assert_ne!(reach(text), Reach::Public, "{text}");
    }
}

#[test]
fn an_ipv4_address_hidden_in_an_ipv6_one_is_found() {
    for (text, held) in [
        ("::7f00:1", "127.0.0.1"),
        ("::8.8.8.8", "8.8.8.8"),
        ("::ffff:0:7f00:1", "127.0.0.1"),
        ("64:ff9b::a00:1", "10.0.0.1"),
        ("64:ff9b::169.254.169.254", "169.254.169.254"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2002:c0a8:101::1", "192.168.1.1"),
        ("2002:808:808::1", "8.8.8.8"),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "10.0.0.1"),
        ("2a00::5efe:a00:1", "10.0.0.1"),
        ("2a00::200:5efe:7f00:1", "127.0.0.1"),
    ] {
        let Reach::Special(special) = reach(text) else { panic!("{text} is taken for public") };
        assert_eq!(special.hides, Some(held.parse().unwrap()), "{text}");
    }
}

#[test]
fn a_mapped_address_is_the_ipv4_address_itself() {
    for text in ["::ffff:7f00:1", "::ffff:127.0.0.1", "0:0:0:0:0:ffff:7f00:0001", "::FFFF:7F00:1"] {
        assert_eq!(canonical(text.parse().unwrap()), "127.0.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(reach(text), special("loopback"), "{text}");
    }
    assert_eq!(reach("::ffff:100.64.0.1"), reach("100.64.0.1"));
}

#[test]
fn the_local_nat64_prefix_is_never_public() {
    for text in ["64:ff9b:1::808:808", "64:ff9b:1:808:8:800::", "64:ff9b:0:1::808:808", "64:ff9b::1:0:808:808"] {
        assert_ne!(reach(text), Reach::Public, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn mapping_an_ipv4_address_never_changes_its_reach(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        let mapped = IpAddr::V6(v4.to_ipv6_mapped());
        proptest::prop_assert_eq!(classify(IpAddr::V4(v4)), classify(mapped));
    }

    #[test]
    fn nothing_outside_global_unicast_is_public(bits: u128) {
        let v6 = Ipv6Addr::from(bits);
        let global = bits >> 125 == 1 || bits >> 32 == 0x64_ff9b << 64 || v6.to_ipv4_mapped().is_some();
        proptest::prop_assert!(global || classify(IpAddr::V6(v6)) != Reach::Public);
    }
}
