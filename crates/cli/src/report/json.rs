//! Writes `audit.json`: the complete review for programs. `docs/audit-json.md` describes each field.

use std::io::{self, Write};

use ultracart_client::audit::Review;

/// Writes the review as JSON on one line.
pub(super) fn write(review: &Review, mut out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, review)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn json_contains_the_complete_review() {
        let mut json = Vec::new();
        super::write(&sample::small(), &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
    }

    #[test]
    fn json_keeps_untrusted_text_unchanged() {
        let review = sample::review(20, sample::Style::Hostile);
        let mut json = Vec::new();
        super::write(&review, &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for (position, user) in review.users.iter().enumerate() {
            assert_eq!(json["users"][position]["user"]["login"].as_str(), user.user.login.as_deref());
        }
    }
}
