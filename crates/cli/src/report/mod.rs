//! Writes an access review to files: a page for people, a JSON file for programs, and two CSV files for
//! spreadsheets.

mod csv;
mod file;
mod html;
mod json;
mod stats;
mod text;

#[cfg(test)]
#[path = "../../examples/report/sample.rs"]
mod sample;

use std::io;
use std::path::{Path, PathBuf};

use ultracart_client::audit::Review;

const FILES: [&str; 4] = ["users.csv", "logins.csv", "audit.json", "audit.html"];

/// Writes `audit.html`, `users.csv`, `logins.csv` and `audit.json` into the folder and returns their paths in
/// this order.
///
/// Creates the folder if it does not exist. Only the owner can read the files.
///
/// All four files are written under temporary names and then renamed, so no file is ever incomplete. The page
/// is renamed last: if it is new, all files are new. Temporary files of an earlier run that was killed are
/// removed.
///
/// # Errors
/// If the folder or a file cannot be written. The message names it. If a rename fails, the files that would
/// have been renamed later are left unchanged.
pub(crate) fn write(review: &Review, dir: &Path) -> io::Result<[PathBuf; 4]> {
    file::create_dir(dir)?;
    file::remove_leftovers(dir, &FILES);
    let stats = stats::of(review);
    let [users, logins, json, html] = [
        file::write(dir, "users.csv", |out| csv::users(review, &stats, out))?,
        file::write(dir, "logins.csv", |out| csv::logins(review, out))?,
        file::write(dir, "audit.json", |out| json::write(review, out))?,
        file::write(dir, "audit.html", |out| html::write(review, &stats, out))?,
    ];
    let (users, logins, json) = (users.persist()?, logins.persist()?, json.persist()?);
    Ok([html.persist()?, users, logins, json])
}

/// Checks that the report can be written into the folder. Called before the review, so that no calls are
/// spent on a report that cannot be written.
///
/// Creates the folder if it does not exist. Temporary files of an earlier run that was killed are removed.
///
/// # Errors
/// If the folder or a file cannot be written. The message names it.
pub(crate) fn check_dir(dir: &Path) -> io::Result<()> {
    file::create_dir(dir)?;
    file::remove_leftovers(dir, &FILES);
    for name in FILES {
        file::check_target(&dir.join(name))?;
    }
    file::write(dir, "check", |_| Ok(())).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ultracart_client::audit::{FindingKind, Who};

    use super::*;

    #[test]
    fn write_leaves_only_the_four_files() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        check_dir(&out).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
        let written = write(&sample::review(3, sample::Style::Usual), &out).unwrap();
        let names = written.clone().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(names, ["audit.html", "users.csv", "logins.csv", "audit.json"]);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
        // A second report replaces the first.
        write(&sample::review(2, sample::Style::Usual), &out).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(written.map(|path| mode(&path)), [0o600; 4]);
            assert_eq!(mode(&out), 0o700);
        }
    }

    #[test]
    fn every_finding_kind_and_subject_is_in_every_file() {
        let mut review = sample::small();
        let kinds: Vec<FindingKind> = review.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, FindingKind::ALL);
        let (ada, ben) = (review.user_ref(0).unwrap(), review.user_ref(1).unwrap());
        let clerks = review.group_ref(0).unwrap();
        let example = review.findings[0].subjects[0].clone();
        for finding in &mut review.findings {
            let address = Who::IpAddress { ip_address: "192.0.2.77".to_owned(), users: vec![ben.clone()] };
            let subject = |who: Who| {
                let mut subject = example.clone();
                subject.detail = format!("detail of {}, {}", finding.kind.as_str(), who.noun(1));
                subject.items = vec![format!("item of {}, {}", finding.kind.as_str(), who.noun(1))];
                subject.who = who;
                subject
            };
            finding.subjects =
                vec![subject(Who::User(ada.clone())), subject(Who::Group(clerks.clone())), subject(address)];
        }

        let dir = tempfile::tempdir().unwrap();
        write(&review, dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let (html, json, users) = (read("audit.html"), read("audit.json"), read("users.csv"));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let docs = include_str!("../../../../docs/audit-json.md");
        for (position, finding) in review.findings.iter().enumerate() {
            let kind = finding.kind.as_str();
            let start = format!("<article class=\"card {}\" id=\"{kind}\"", finding.severity.as_str());
            let card = html.split(&start).last().unwrap().split("</article>").next().unwrap();
            assert!(card.contains(&finding.title), "{kind} in {card}");
            let rows: Vec<&str> = card.split("<li>").skip(1).collect();
            assert_eq!(rows.len(), finding.subjects.len(), "{kind} in {card}");
            for (number, (row, subject)) in rows.into_iter().zip(&finding.subjects).enumerate() {
                for text in [&subject.who.label(), &subject.detail, &subject.items[0]] {
                    assert!(row.contains(text.as_str()), "{text} in {row}");
                }
                let written = &json["findings"][position]["subjects"][number];
                assert_eq!(written["detail"], *subject.detail);
                let documented = format!("| `{}` |", written["type"].as_str().unwrap());
                assert!(docs.contains(&documented), "{documented}");
            }
            assert_eq!(json["findings"][position]["kind"], kind);
            assert!(docs.contains(&format!("| `{kind}` |")), "{kind} in docs/audit-json.md");
            let rows: Vec<&str> = users.lines().skip(1).collect();
            for user in [&ada, &ben] {
                let findings = rows[user.position].rsplit_once(",\"").unwrap().1;
                assert!(findings.trim_end_matches('"').split("; ").any(|found| found == kind), "{findings}");
            }
        }
    }

    #[test]
    fn directory_in_place_of_file_is_named_in_error() {
        let review = sample::review(1, sample::Style::Usual);
        for (name, new) in [("users.csv", 0), ("logins.csv", 1), ("audit.json", 2), ("audit.html", 3)] {
            let dir = tempfile::tempdir().unwrap();
            for old in ["users.csv", "logins.csv", "audit.json", "audit.html"] {
                fs::write(dir.path().join(old), "old").unwrap();
            }
            check_dir(dir.path()).unwrap();
            fs::remove_file(dir.path().join(name)).unwrap();
            fs::create_dir(dir.path().join(name)).unwrap();

            let error = check_dir(dir.path()).unwrap_err().to_string();
            let blocked = dir.path().join(name);
            assert_eq!(
                error,
                format!(
                    "{} cannot be written: something other than a file has this name; move or delete it",
                    blocked.display()
                )
            );
            let error = write(&review, dir.path()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{} cannot be written: ", blocked.display())), "{error}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "no temporary file is left");
            let is_new = |name: &&str| fs::read(dir.path().join(name)).is_ok_and(|content| content != b"old");
            let written = ["users.csv", "logins.csv", "audit.json", "audit.html"].into_iter().filter(is_new);
            assert_eq!(written.count(), new, "the files renamed before {name} are new, the others are old");
        }
    }

    #[test]
    fn only_temporary_files_of_killed_runs_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let leftovers =
            [".audit.html.4242.tmp", ".audit.json.1.tmp", ".users.csv.7.tmp", ".logins.csv.7.tmp"];
        let others = [
            ".audit.html.tmp",
            ".audit.html.x1.tmp",
            ".audit.html..tmp",
            ".audit.html.+1.tmp",
            ".audit.html.1.tmp.bak",
            ".notes.1.tmp",
            "audit.html.1.tmp",
        ];
        for name in leftovers.iter().chain(&others) {
            fs::write(path(name), "personal data").unwrap();
        }
        fs::create_dir(path(".audit.html.8.tmp")).unwrap();
        // Another run is writing this file.
        let busy = path(".audit.html.9.tmp");
        fs::write(&busy, "").unwrap();
        let lock = fs::File::open(&busy).unwrap();
        lock.lock().unwrap();

        check_dir(dir.path()).unwrap();
        assert_eq!(leftovers.map(|name| path(name).exists()), [false; 4]);
        assert!(others.iter().all(|name| path(name).is_file()));
        assert!(path(".audit.html.8.tmp").is_dir());
        assert!(busy.exists());

        drop(lock);
        write(&sample::review(1, sample::Style::Usual), dir.path()).unwrap();
        assert!(!busy.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4 + others.len() + 1);
    }

    #[test]
    fn unwritable_folder_is_named_in_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for bad in [file.clone(), file.join("below")] {
            let error = check_dir(&bad).unwrap_err();
            let expected = format!("the folder {} cannot be", bad.display());
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(write(&sample::review(1, sample::Style::Usual), &bad).is_err());
        }
    }
}
