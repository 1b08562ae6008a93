//! Sums of numbers of any length.

/// The sum of two numbers of decimal digits; None where one is no number.
pub fn add(one: &str, other: &str) -> Option<String> {
    let digits = |text: &str| -> Option<Vec<u8>> {
        text.bytes()
            .rev()
            .map(|byte| byte.is_ascii_digit().then(|| byte - b'0'))
            .collect()
    };
    let (one, other) = (digits(one)?, digits(other)?);
    let mut sum = Vec::new();
    let mut carry = 0;
    for place in 0..one.len().max(other.len()) {
        let here = carry + one.get(place).unwrap_or(&0) + other.get(place).unwrap_or(&0);
        sum.push(b'0' + here % 10);
        carry = here / 10;
    }
    if carry > 0 {
        sum.push(b'0' + carry);
    }
    sum.reverse();
    String::from_utf8(sum).ok()
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn digits_are_added() {
        assert_eq!(add("12", "34").as_deref(), Some("46"));
    }

    #[test]
    fn a_carry_goes_on() {
        assert_eq!(add("99", "1").as_deref(), Some("100"));
    }

    #[test]
    fn letters_are_refused() {
        assert_eq!(add("1x", "1"), None);
    }

    #[cfg(feature = "long-tests")]
    #[test]
    fn every_pair_below_a_thousand() {
        for one in 0..1000_u32 {
            for other in 0..1000_u32 {
                assert_eq!(add(&one.to_string(), &other.to_string()), Some((one + other).to_string()));
            }
        }
    }
}
