//! Leap years.

/// Whether a year of the Gregorian calendar has a 29th of February.
///
/// ```
/// assert!(rust_all_targets::is_leap(2024));
/// ```
pub fn is_leap(year: u32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days a year has.
pub fn days(year: u32) -> u32 {
    if is_leap(year) {
        366
    } else {
        365
    }
}

/// How many days lie between the first days of two years.
pub fn days_between(first: u32, last: u32) -> u32 {
    (first..last).map(days).sum()
}

#[cfg(test)]
mod tests {
    use super::{days, days_between, is_leap};

    #[test]
    fn a_leap_year_has_a_day_more() {
        assert_eq!((days(2023), days(2024)), (365, 366));
    }

    #[test]
    fn days_add_up() {
        assert_eq!(days_between(2000, 2004), 1461);
    }

    #[test]
    fn every_fourth_year() {
        assert!(is_leap(2024));
        assert!(!is_leap(2023));
    }

    #[test]
    fn no_full_century() {
        assert!(!is_leap(1900));
    }

    #[test]
    fn but_every_fourth_century() {
        assert!(is_leap(2000));
    }
}
