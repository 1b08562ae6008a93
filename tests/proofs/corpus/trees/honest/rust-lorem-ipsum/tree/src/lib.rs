//! Syllables, reckoned by groups of vowels.

/// How many groups of vowels stand in a text.
pub fn syllables(text: &str) -> usize {
    let mut count = 0;
    let mut within = false;
    for letter in text.chars() {
        let vowel = "aeiouyAEIOUY".contains(letter);
        if vowel && !within {
            count += 1;
        }
        within = vowel;
    }
    count
}

/// The word with the most syllables; of several, the first.
pub fn longest(text: &str) -> Option<&str> {
    let mut best = None;
    for word in text.split_whitespace() {
        if best.map_or(true, |other| syllables(word) > syllables(other)) {
            best = Some(word);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{longest, syllables};

    #[test]
    fn the_longest_word_is_found() {
        assert_eq!(longest("Lorem ipsum dolor sit amet, consectetur"), Some("consectetur"));
        assert_eq!(longest(""), None);
    }

    #[test]
    fn filler_text_has_as_many_as_one_counts() {
        assert_eq!(syllables("Lorem ipsum dolor sit amet"), 9);
    }

    #[test]
    fn vowels_side_by_side_are_one() {
        assert_eq!(syllables("queue"), 1);
    }

    #[test]
    fn nothing_has_none() {
        assert_eq!(syllables(""), 0);
    }
}
