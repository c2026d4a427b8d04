//! Writes a report of generated data, without a server. It is for work on the report and for the tests in
//! `tests/browser`.
//!
//! `cargo run -p ultracart-cli --example report -- FOLDER [USERS] [usual|hostile|incomplete|scattered]`

use std::error::Error;
use std::path::Path;

#[expect(dead_code, reason = "only the command uses every item")]
#[path = "../../src/report/mod.rs"]
mod report;
mod sample;
#[expect(dead_code, reason = "only the command uses every item")]
#[path = "../../src/text.rs"]
mod text;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder =
        arguments.next().ok_or("usage: report FOLDER [USERS] [usual|hostile|incomplete|scattered]")?;
    let users = arguments.next().map_or(Ok(200), |users| users.parse())?;
    let style = match arguments.next().as_deref() {
        None | Some("usual") => sample::Style::Usual,
        Some("hostile") => sample::Style::Hostile,
        Some("incomplete") => sample::Style::Incomplete,
        Some("scattered") => sample::Style::Scattered,
        Some(other) => return Err(format!("the style {other} does not exist").into()),
    };
    report::write(&sample::review(users, style), Path::new(&folder))?;
    Ok(())
}
