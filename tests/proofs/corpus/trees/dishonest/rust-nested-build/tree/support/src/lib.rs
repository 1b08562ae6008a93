pub fn width_of_tab() -> usize { 8 }
