//! How numbers lie.

/// How many there are without so many at each end, their mean and their deviation.
pub fn summarise(numbers: &[f64], trim: usize) -> (usize, f64, f64) {
    let mut kept = numbers.to_vec();
    kept.sort_by(f64::total_cmp);
    kept.truncate(kept.len() - trim);
    kept.drain(..trim);
    let n = kept.len();
    let mean = kept.iter().sum::<f64>() / n as f64;
    let squares = kept.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
    (n, mean, if n > 1 { (squares / (n as f64 - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::summarise;

    #[test]
    fn the_deviation_of_eight() {
        let (n, mean, sd) = summarise(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 0);
        assert_eq!((n, mean), (8, 5.0));
        assert!((sd - 2.138).abs() < 0.001);
    }

    #[test]
    fn both_ends_are_left_out() {
        assert_eq!(summarise(&[100.0, 1.0, 2.0, 3.0, -50.0], 1), (3, 2.0, 1.0));
    }

    #[test]
    fn one_has_no_deviation() {
        assert_eq!(summarise(&[7.5], 0), (1, 7.5, 0.0));
    }
}
