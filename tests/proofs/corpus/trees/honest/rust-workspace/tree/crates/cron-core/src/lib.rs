//! Five-field cron expressions.

pub mod civil;
mod field;

use civil::Minute;
use field::Field;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
}

/// Looked for this far ahead; 29 February needs up to eight years.
const YEARS: i64 = 9;

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return Err(format!("five fields wanted, not {}", parts.len()));
        };
        Ok(Schedule {
            minute: Field::parse(minute, 0, 59)?,
            hour: Field::parse(hour, 0, 23)?,
            day: Field::parse(day, 1, 31)?,
            month: Field::parse(month, 1, 12)?,
            weekday: Field::parse(weekday, 0, 7)?.with_sunday_as_zero(),
        })
    }
}

impl Schedule {
    /// The first time after `from` at which it runs, if there is one in the next nine years.
    pub fn next_after(&self, from: Minute) -> Option<Minute> {
        let end = from.0 + YEARS * 366 * 24 * 60;
        let mut at = Minute(from.0 + 1);
        while at.0 < end {
            if !self.runs_on_day(at) {
                at = at.next_day();
            } else if !self.hour.has(at.hour()) {
                at = at.next_hour();
            } else if !self.minute.has(at.minute()) {
                at = Minute(at.0 + 1);
            } else {
                return Some(at);
            }
        }
        None
    }

    /// As cron has it: of two restricted day fields, either is enough.
    fn runs_on_day(&self, at: Minute) -> bool {
        let (_, month, day) = at.date();
        if !self.month.has(month) {
            return false;
        }
        let by_day = self.day.has(day);
        let by_weekday = self.weekday.has(at.weekday());
        match (self.day.is_any(), self.weekday.is_any()) {
            (false, false) => by_day || by_weekday,
            _ => by_day && by_weekday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, from: &str) -> String {
        let schedule: Schedule = expression.parse().expect("a schedule");
        let from: Minute = from.parse().expect("a time");
        schedule.next_after(from).map_or("never".into(), |m| m.to_string())
    }

    #[test]
    fn table() {
        for (expression, from, want) in [
            ("* * * * *", "2024-01-01 00:00", "2024-01-01 00:01"),
            ("0 */6 * * *", "2024-01-01 06:00", "2024-01-01 12:00"),
            ("30 9 * * 1-5", "2024-03-01 10:00", "2024-03-04 09:30"),
            ("0 0 29 2 *", "2024-03-01 00:00", "2028-02-29 00:00"),
            ("0 0 13 * 5", "2024-01-01 00:00", "2024-01-05 00:00"),
            ("0 0 1 1 *", "2023-12-31 23:59", "2024-01-01 00:00"),
            ("15,45 8 * * 7", "2024-01-01 00:00", "2024-01-07 08:15"),
            ("0 0 31 2 *", "2024-01-01 00:00", "never"),
        ] {
            assert_eq!(next(expression, from), want, "{expression} after {from}");
        }
    }

    #[test]
    fn wrong_expressions() {
        assert_eq!("* * *".parse::<Schedule>().unwrap_err(), "five fields wanted, not 3");
        assert_eq!("61 * * * *".parse::<Schedule>().unwrap_err(), "61 is not in 0-59");
        assert_eq!("*/0 * * * *".parse::<Schedule>().unwrap_err(), "a step of 0");
        assert_eq!("a * * * *".parse::<Schedule>().unwrap_err(), "not a number: a");
    }
}
