//! Calendar arithmetic, after Howard Hinnant's days_from_civil.

use std::fmt;
use std::str::FromStr;

/// Minutes since 1970-01-01 00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub i64);

const DAY: i64 = 24 * 60;

impl Minute {
    pub fn new(year: i64, month: u32, day: u32, hour: u32, minute: u32) -> Minute {
        Minute(days(year, month, day) * DAY + i64::from(hour) * 60 + i64::from(minute))
    }

    pub fn minute(self) -> u32 {
        self.0.rem_euclid(60) as u32
    }

    pub fn hour(self) -> u32 {
        (self.0.rem_euclid(DAY) / 60) as u32
    }

    pub fn weekday(self) -> u32 {
        (self.0.div_euclid(DAY) + 4).rem_euclid(7) as u32
    }

    pub fn next_day(self) -> Minute {
        Minute((self.0.div_euclid(DAY) + 1) * DAY)
    }

    pub fn next_hour(self) -> Minute {
        Minute((self.0.div_euclid(60) + 1) * 60)
    }

    pub fn date(self) -> (i64, u32, u32) {
        let z = self.0.div_euclid(DAY) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
        (yoe + era * 400 + i64::from(month <= 2), month, day)
    }
}

fn days(year: i64, month: u32, day: u32) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = i64::from(month);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02}", self.hour(), self.minute())
    }
}

impl FromStr for Minute {
    type Err = String;

    fn from_str(text: &str) -> Result<Minute, String> {
        let numbers: Option<Vec<u32>> =
            text.split(['-', ' ', 'T', ':']).map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[year, month @ 1..=12, day @ 1..=31, hour @ 0..=23, minute @ 0..=59]) => {
                Ok(Minute::new(i64::from(year), month, day, hour, minute))
            }
            _ => Err(format!("a time is YYYY-MM-DD HH:MM, not {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Minute;

    #[test]
    fn dates_go_there_and_back() {
        for text in ["1970-01-01 00:00", "2000-02-29 23:59", "2024-12-31 12:30", "1969-12-31 00:01"] {
            assert_eq!(text.parse::<Minute>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn weekdays() {
        assert_eq!("1970-01-01 00:00".parse::<Minute>().unwrap().weekday(), 4);
        assert_eq!("2024-02-29 00:00".parse::<Minute>().unwrap().weekday(), 4);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!("2024-13-01 00:00".parse::<Minute>().is_err());
        assert!("now".parse::<Minute>().is_err());
    }
}
