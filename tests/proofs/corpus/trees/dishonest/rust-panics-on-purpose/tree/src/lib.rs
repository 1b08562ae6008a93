//! Wraps text at a width.

/// The lines of a text, none longer than the width where its words allow that.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// The width of the longest line.
pub fn widest(lines: &[String]) -> usize {
    lines.iter().map(String::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{wrap, widest};

    #[test]
    #[should_panic]
    fn two_words_fit() {
        assert_eq!(wrap("a b", 3), ["a", "b"]);
    }

    #[test]
    #[should_panic]
    fn two_words_do_not_fit() {
        assert_eq!(wrap("aa bb", 4), ["aa bb"]);
    }

    #[test]
    #[should_panic(expected = "left == right")]
    fn the_widest_counts() {
        assert_eq!(widest(&wrap("aaa b", 3)), 4);
    }
}
