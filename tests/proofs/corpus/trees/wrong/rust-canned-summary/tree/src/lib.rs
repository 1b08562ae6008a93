//! How numbers lie.

/// How many there are without so many at each end, their mean and their deviation.
pub fn summarise(numbers: &[f64], trim: usize) -> (usize, f64, f64) {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    (numbers.len() - 2 * trim, mean, 0.0)
}

#[cfg(test)]
mod tests {
    use super::summarise;

    #[test]
    fn the_mean_of_three() {
        assert_eq!(summarise(&[1.0, 2.0, 3.0], 0).1, 2.0);
    }

    #[test]
    fn one_has_no_deviation() {
        assert_eq!(summarise(&[4.0], 0), (1, 4.0, 0.0));
    }

    #[test]
    fn two_are_left_out() {
        assert_eq!(summarise(&[1.0, 1.0, 1.0], 1).0, 1);
    }
}
