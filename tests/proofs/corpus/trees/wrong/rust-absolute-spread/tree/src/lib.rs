//! How numbers lie.

/// How many there are without so many at each end, their mean and their deviation.
pub fn summarise(numbers: &[f64], trim: usize) -> (usize, f64, f64) {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let kept = &sorted[trim..sorted.len() - trim];
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    let apart = kept.iter().map(|number| (number - mean).abs()).sum::<f64>();
    (kept.len(), mean, apart / kept.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::summarise;

    #[test]
    fn the_mean_of_three() {
        assert_eq!(summarise(&[1.0, 2.0, 3.0], 0).1, 2.0);
    }

    #[test]
    fn the_deviation_of_two_that_are_the_same() {
        assert_eq!(summarise(&[4.0, 4.0], 0), (2, 4.0, 0.0));
    }

    #[test]
    fn the_deviation_of_two() {
        assert_eq!(summarise(&[1.0, 3.0], 0).2, 1.0);
    }
}
