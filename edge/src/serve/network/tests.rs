use super::*;

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_belongs_to_a_network_by_its_leading_bits() {
    let cases = [
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("192.0.2.128/25", "192.0.2.129", true),
        ("192.0.2.128/25", "192.0.2.127", false),
        ("192.0.2.7/32", "192.0.2.7", true),
        ("192.0.2.7/32", "192.0.2.6", false),
        ("0.0.0.0/0", "203.0.113.9", true),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe80::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "192.0.2.1", false),
        ("0.0.0.0/0", "::1", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
    ];
    for (text, one, belongs) in cases {
        assert_eq!(network(text).contains(address(one)), belongs, "{one} in {text}");
        assert_eq!(network(text).to_string(), text);
    }
}

#[test]
fn what_is_no_network_is_refused_with_an_example() {
    for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "example.org/8", "10.0.0.0/8/8"] {
        let refused = text.parse::<Network>().unwrap_err().to_string();
        assert_eq!(refused, format!("{text:?} is not a network such as 10.0.0.0/8 or fd00::/8"));
    }
}
