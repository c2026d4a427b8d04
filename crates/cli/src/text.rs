//! Escaping of untrusted text for a terminal, a shell, a spreadsheet or JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes control characters and invisible characters visible, so that the text cannot control a terminal or
/// mislead a person. Among these characters are the escape character, bidirectional controls and line
/// separators.
pub(crate) fn terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u32::from(c) {
            // Unicode has symbols for these: ␀ … ␟, ␡.
            code @ 0..=0x1f => shown.extend(char::from_u32(0x2400 + code)),
            0x7f => shown.push('\u{2421}'),
            code if hidden(c) => _ = write!(shown, "‹U+{code:04X}›"),
            _ => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Quotes the text as one word of a POSIX shell, for a command that is printed to be copied.
pub(crate) fn shell(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

/// Escapes a CSV cell so that no spreadsheet evaluates it as a formula, and puts it on one line.
///
/// A cell that starts like a formula gets an apostrophe in front, which spreadsheets read as "this is text".
/// A cell starts like a formula in two cases:
///
/// - It starts with `=`, `+`, `-`, `@`, `|`, `%`, or another form of one of these, such as the full-width
///   form. `|` and `%` start DDE commands. White space, quotes, apostrophes and invisible characters in front
///   are skipped, since a program may drop them.
/// - It starts with a tab or a line break.
///
/// A telephone number with a `+` gets an apostrophe, too: an exception for it could be abused.
///
/// In many locales spreadsheets split lines at `;` instead of `,`, and a user can import a file with yet
/// other separators. Quotes around a cell do not prevent a split there. So the text after each `;`, `,` or
/// tab is treated as a cell of its own.
pub(crate) fn csv_cell(text: &str) -> Cow<'_, str> {
    let cells = || text.split_inclusive([';', ',', '\t']);
    if cells().all(|cell| formula_start(cell).is_none()) {
        return terminal(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for (index, cell) in cells().enumerate() {
        let Some(start) = formula_start(cell) else {
            safe.push_str(&terminal(cell));
            continue;
        };
        let (before, formula) = cell.split_at(if index == 0 { 0 } else { start });
        safe.push_str(&terminal(before));
        safe.push('\'');
        safe.push_str(&terminal(formula));
    }
    safe.into()
}

/// Escapes invisible characters in JSON text, and the control characters from U+007F upwards. The value of
/// the JSON stays the same.
///
/// Valid JSON has these characters only within strings, where an escape sequence has the same meaning. The
/// serializer has already escaped the other control characters within strings.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    // The serializer has escaped ASCII control characters within strings. Line breaks between values stay.
    let escaped = |c: char| hidden(c) && c >= '\u{7f}';
    if !text.chars().any(escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Whether a character is a control character or invisible. The joiners U+200C and U+200D do not count, since
/// several scripts and emoji need them.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the byte position at which a spreadsheet could see the start of a formula in this cell. `None` if
/// the cell does not start like a formula.
fn formula_start(cell: &str) -> Option<usize> {
    const QUOTES: [char; 9] = ['"', '\'', '`', '‘', '’', '“', '”', '＂', '＇'];
    let is_skipped = |c: char| {
        c.is_whitespace() || hidden(c) || matches!(c, '\u{200c}' | '\u{200d}') || QUOTES.contains(&c)
    };
    if cell.starts_with(['\t', '\r', '\n']) {
        return Some(0);
    }
    let rest = cell.trim_start_matches(is_skipped);
    let is_formula = rest.starts_with([
        '=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '−', '｜', '％',
    ]);
    is_formula.then(|| cell.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_text_shows_control_characters() {
        assert_eq!(terminal("Zoë 山田 👩‍💻"), "Zoë 山田 👩‍💻");
        assert!(matches!(terminal("plain"), Cow::Borrowed(_)));
        assert_eq!(terminal("a\u{1b}[2Jb\u{9b}31mc\u{7}"), "a␛[2Jb‹U+009B›31mc␇");
        assert_eq!(terminal("a\0b\tc\r\nd\u{7f}"), "a␀b␉c␍␊d␡");
        assert_eq!(
            terminal("gpj\u{202e}exe\u{2066}\u{200b}\u{feff}\u{e0041}"),
            "gpj‹U+202E›exe‹U+2066›‹U+200B›‹U+FEFF›‹U+E0041›"
        );
    }

    #[test]
    fn shell_word_is_quoted_only_if_needed() {
        for (text, word) in [
            ("audit", "audit"),
            ("../b-c_d/2025", "../b-c_d/2025"),
            ("https://example.com:8443/rest/v2", "https://example.com:8443/rest/v2"),
            ("Prüfung", "Prüfung"),
            ("", "''"),
            ("my folder", "'my folder'"),
            ("~x", "'~x'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)`;&|<>*?!#\"\\", "'$(reboot)`;&|<>*?!#\"\\'"),
        ] {
            assert_eq!(shell(text), word);
        }
    }

    #[test]
    fn json_escaped_has_the_same_value() {
        let text = "\u{7f}\u{9b}\u{202e}\u{e0041}\u{1b}\n Zoë";
        let written = serde_json::to_string(text).unwrap();
        let safe = json(&written);
        assert!(!safe.chars().any(hidden), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert!(matches!(json("{\n  \"a\": 1\n}"), Cow::Borrowed(_)));
    }

    #[test]
    fn csv_cell_like_a_formula_becomes_text() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            " =1",
            "\u{a0}=1",
            "\"=1",
            "'=1",
            "\u{feff}=1",
            "\0=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "|calc",
            "%0A=1",
            "\u{202e}=1",
            "“=1",
            "\u{200d}=1",
        ] {
            assert!(csv_cell(formula).starts_with('\''), "{formula:?} became {:?}", csv_cell(formula));
        }
        for text in
            ["", "ada", "a=1", "1-1", "ada@example.com", "Zoë", "'", "\"quoted\"", "a; b, c", ";", "a,"]
        {
            assert_eq!(csv_cell(text), text);
        }
        assert_eq!(csv_cell("=a\r\n=b"), "'=a␍␊=b");
    }

    #[test]
    fn csv_formula_after_other_separator_becomes_text() {
        for (text, cell) in [
            ("a;=1+1", "a;'=1+1"),
            ("a; =1", "a; '=1"),
            ("a;\"=1", "a;\"'=1"),
            ("a; \" \"+1", "a; \" \"'+1"),
            ("a;\u{a0}\u{200b}-1", "a;\u{a0}‹U+200B›'-1"),
            ("a,@SUM(1)", "a,'@SUM(1)"),
            ("a\t=1", "a␉'=1"),
            ("a;\r\n=1", "a;'␍␊=1"),
            ("a;＝1", "a;'＝1"),
            ("a;|calc;%0A", "a;'|calc;'%0A"),
            (";;=1", ";;'=1"),
            ("=1;=2,=3", "'=1;'=2,'=3"),
            ("\t=1", "'␉'=1"),
            ("a;'=1", "a;''=1"),
            ("a=1; b-2, c@d", "a=1; b-2, c@d"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
