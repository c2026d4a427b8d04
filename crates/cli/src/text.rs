//! Strings that strangers chose, on their way to a terminal, a shell or a spreadsheet.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything made visible that a terminal would act on, a reader could not see, or that turns other
/// text around: control characters and with them every escape sequence, bidi controls, invisible characters, line
/// separators.
pub(crate) fn terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u32::from(c) {
            // Unicode has pictures of these: ␀ … ␟, ␡.
            code @ 0..=0x1f => shown.extend(char::from_u32(0x2400 + code)),
            0x7f => shown.push('\u{2421}'),
            code if hidden(c) => _ = write!(shown, "‹U+{code:04X}›"),
            _ => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The text as a single word of a shell, for a command that is shown to be copied.
pub(crate) fn shell(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

/// The text as a cell that no spreadsheet runs, on one line.
///
/// A spreadsheet runs a cell that begins like a formula, so such a cell gets an apostrophe in front, which a
/// spreadsheet takes for "this is text". A cell begins like a formula if, behind white space, quotes and apostrophes
/// that some program may drop, there is one of `=`, `+`, `-`, `@`, of their full-width forms, or `|` and `%`, with
/// which DDE commands begin, and also if it begins with a tab or a line break itself. A telephone number with a `+`
/// gets one too: better that than a rule with a hole.
///
/// Half the world's spreadsheets separate cells with `;`, and quotes do not hold a cell together there that began
/// behind another separator. So what stands behind a `;`, a `,` or a tab is a cell, too.
pub(crate) fn csv_cell(text: &str) -> Cow<'_, str> {
    let cells = || text.split_inclusive([';', ',', '\t']);
    if cells().all(|cell| formula(cell).is_none()) {
        return terminal(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for (number, cell) in cells().enumerate() {
        let Some(formula) = formula(cell) else {
            safe.push_str(&terminal(cell));
            continue;
        };
        let (before, formula) = cell.split_at(if number == 0 { 0 } else { formula });
        safe.push_str(&terminal(before));
        safe.push('\'');
        safe.push_str(&terminal(formula));
    }
    safe.into()
}

/// JSON with everything escaped that a terminal or a reader could be misled by. Its value is the same: outside of
/// strings JSON has nothing of that.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    // Control characters of ASCII are escaped already, and line breaks outside of strings have to stay.
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

/// Joiners (U+200C, U+200D) are left: whole scripts, and emoji, need them.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Where what a spreadsheet would run begins in a cell.
fn formula(cell: &str) -> Option<usize> {
    const QUOTES: [char; 9] = ['"', '\'', '`', '‘', '’', '“', '”', '＂', '＇'];
    let dropped = |c: char| {
        c.is_whitespace() || hidden(c) || matches!(c, '\u{200c}' | '\u{200d}') || QUOTES.contains(&c)
    };
    if cell.starts_with(['\t', '\r', '\n']) {
        return Some(0);
    }
    let rest = cell.trim_start_matches(dropped);
    let begins = rest.starts_with([
        '=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '−', '｜', '％',
    ]);
    begins.then(|| cell.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_made_visible() {
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
    fn a_word_is_quoted_for_a_shell_where_it_has_to_be() {
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
    fn escaped_json_has_the_same_value() {
        let text = "\u{7f}\u{9b}\u{202e}\u{e0041}\u{1b}\n Zoë";
        let written = serde_json::to_string(text).unwrap();
        let safe = json(&written);
        assert!(!safe.chars().any(hidden), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert!(matches!(json("{\n  \"a\": 1\n}"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_begins_like_a_formula_becomes_text() {
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
    fn a_formula_behind_what_separates_cells_elsewhere_becomes_text_too() {
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
