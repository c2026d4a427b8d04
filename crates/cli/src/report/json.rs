//! `audit.json`: all of the review, for machines. docs/audit-json.md describes it field by field.

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
    fn the_whole_review_is_there() {
        let mut json = Vec::new();
        super::write(&sample::small(), &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
    }

    #[test]
    fn strings_come_back_as_they_were() {
        let review = sample::review(20, sample::Style::Hostile);
        let mut json = Vec::new();
        super::write(&review, &mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        for (position, user) in review.users.iter().enumerate() {
            assert_eq!(json["users"][position]["user"]["login"].as_str(), user.user.login.as_deref());
        }
    }
}
