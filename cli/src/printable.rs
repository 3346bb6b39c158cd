//! Text from other people, made harmless to a terminal.

/// The text on one line, with control characters escaped: a name could otherwise move the cursor or clear the screen.
pub fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default())
        } else {
            line.push(c)
        }
        line
    })
}
