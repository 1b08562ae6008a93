//! Initials of names.

/// The first letter of each word, as a capital.
pub fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_uppercase)
        .collect()
}

/// The last word of a name.
pub fn surname(name: &str) -> Option<&str> {
    name.split_whitespace().last()
}

#[cfg(test)]
mod tests {
    use super::{initials, surname};

    #[test]
    fn the_last_word_is_the_surname() {
        assert_eq!(surname("ada lovelace"), Some("lovelace"));
        assert_eq!(surname(" "), None);
    }

    #[test]
    fn each_word_gives_a_letter() {
        assert_eq!(initials("ada king lovelace"), "AKL");
    }

    #[test]
    fn spaces_do_not_matter() {
        assert_eq!(initials("  Alan   Turing "), "AT");
    }

    #[test]
    fn nothing_has_no_initials() {
        assert_eq!(initials(""), "");
    }
}
