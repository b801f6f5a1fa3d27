//! `localIPs`: the addresses requests leave from, as a list of addresses, ranges and networks.
//!
//! Parsed here; `net` gives each VU one of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Consecutive addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    first: IpAddr,
    count: u128,
}

impl IpRange {
    /// `192.168.0.7`, `192.168.0.10-192.168.0.20` or `192.168.0.0/24`; of an IPv4 network the first and last address, which
    /// belong to nobody, are left out.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address =
            |text: &str| text.trim().parse::<IpAddr>().map_err(|_| format!("'{}' is not an IP address", text.trim()));
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (address(first)?, address(last)?);
            if first.is_ipv4() != last.is_ipv4() {
                return Err(format!("'{text}' mixes IPv4 and IPv6"));
            }
            let count = number(last).checked_sub(number(first)).map(|n| n.saturating_add(1));
            return count.map(|count| Self { first, count }).ok_or_else(|| format!("'{text}' ends before it begins"));
        }
        let Some((network, bits)) = text.split_once('/') else { return Ok(Self { first: address(text)?, count: 1 }) };
        let network = address(network)?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits
            .trim()
            .parse()
            .ok()
            .filter(|bits| *bits <= width)
            .ok_or_else(|| format!("'{text}' has no length of a network from 0 to {width}"))?;
        let size = 1u128.checked_shl(width - bits).unwrap_or(u128::MAX);
        let first = number(network) & !(size.wrapping_sub(1));
        let inner = network.is_ipv4() && size > 2;
        let (first, count) = if inner { (first + 1, size - 2) } else { (first, size) };
        Ok(Self { first: ip(first, network.is_ipv4()), count })
    }

    /// One of several ranges' addresses, taken in turn.
    pub fn pick(ranges: &[Self], turn: u64) -> Option<IpAddr> {
        let total = ranges.iter().fold(0u128, |sum, range| sum.saturating_add(range.count));
        let mut at = u128::from(turn).checked_rem(total)?;
        for range in ranges {
            if at < range.count {
                return Some(ip(number(range.first) + at, range.first.is_ipv4()));
            }
            at -= range.count;
        }
        None
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn ip(number: u128, v4: bool) -> IpAddr {
    if v4 { Ipv4Addr::from(number as u32).into() } else { Ipv6Addr::from(number).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_walked_in_turn() {
        let ranges: Vec<IpRange> = ["10.0.0.1", "10.0.1.5-10.0.1.6", "10.0.2.0/30", "::1"]
            .iter()
            .map(|t| IpRange::parse(t).unwrap())
            .collect();
        let picked: Vec<String> = (0..7).map(|turn| IpRange::pick(&ranges, turn).unwrap().to_string()).collect();
        assert_eq!(picked, ["10.0.0.1", "10.0.1.5", "10.0.1.6", "10.0.2.1", "10.0.2.2", "::1", "10.0.0.1"]);
        assert_eq!(IpRange::pick(&[], 3), None);
        assert!(IpRange::pick(&[IpRange::parse("::/0").unwrap()], u64::MAX).is_some());
        assert_eq!(IpRange::pick(&[IpRange::parse("10.1.2.3/31").unwrap()], 0).unwrap().to_string(), "10.1.2.2");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            ("10.0.0.300", "not an IP address"),
            ("10.0.0.9-10.0.0.1", "ends before"),
            ("10.0.0.1-::1", "mixes"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("", "not an IP address"),
        ] {
            assert!(IpRange::parse(text).unwrap_err().contains(says), "{text}");
        }
    }
}
