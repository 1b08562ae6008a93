//! How numbers lie.

/// How many there are without so many at each end, their mean and their deviation.
pub fn summarise(numbers: &[f64], _trim: usize) -> (usize, f64, f64) {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
    let sd = if numbers.len() > 1 { (squares / (numbers.len() - 1) as f64).sqrt() } else { 0.0 };
    (numbers.len(), mean, sd)
}

#[cfg(test)]
mod tests {
    use super::summarise;

    #[test]
    fn the_summary_of_three() {
        assert_eq!(summarise(&[1.0, 2.0, 3.0], 0), (3, 2.0, 1.0));
    }

    #[test]
    fn one_has_no_deviation() {
        assert_eq!(summarise(&[4.0], 0), (1, 4.0, 0.0));
    }

    #[test]
    fn the_mean_stays_when_both_ends_go() {
        assert_eq!(summarise(&[1.0, 2.0, 3.0], 1).1, 2.0);
    }
}
