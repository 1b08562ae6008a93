/// The values of one field, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    bits: u64,
    any: bool,
}

impl Field {
    pub(crate) fn parse(text: &str, low: u32, high: u32) -> Result<Field, String> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, number(step)?),
                None => (part, 1),
            };
            if step == 0 {
                return Err("a step of 0".to_string());
            }
            let (from, to) = match (range, range.split_once('-')) {
                ("*", _) => (low, high),
                (_, Some((from, to))) => (number(from)?, number(to)?),
                (one, None) => (number(one)?, number(one)?),
            };
            for value in [from, to] {
                if value < low || value > high {
                    return Err(format!("{value} is not in {low}-{high}"));
                }
            }
            for value in (from..=to).step_by(step as usize) {
                bits |= 1 << value;
            }
        }
        Ok(Field { bits, any: text == "*" })
    }

    pub(crate) fn has(self, value: u32) -> bool {
        self.bits & (1 << value) != 0
    }

    pub(crate) fn is_any(self) -> bool {
        self.any
    }

    pub(crate) fn with_sunday_as_zero(mut self) -> Field {
        if self.has(7) {
            self.bits |= 1;
        }
        self
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}
