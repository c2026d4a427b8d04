//! What a checkpoint keeps, and which files it refuses.

use std::fs;

use super::*;

const URL: &str = "https://example.com/rest/v2";

fn now() -> Timestamp {
    "2025-06-30T12:00:00Z".parse().unwrap()
}

fn user(id: i32, login: &str) -> User {
    User::new().user_id(id).login(login)
}

fn logins(ip: &str) -> Arc<[UserLogin]> {
    vec![UserLogin::new().ip_address(ip)].into()
}

/// A folder with a checkpoint of two histories.
fn two() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let mut checkpoint = Checkpoint::begin(&path, URL, now()).unwrap();
    checkpoint.keep(&user(1, "ada"), &logins("192.0.2.1"), now()).unwrap();
    checkpoint.keep(&user(2, "ben"), &logins("192.0.2.2"), now()).unwrap();
    (dir, path)
}

fn refused(path: &Path, url: &str) -> String {
    let error = Checkpoint::resume(path, url, now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    error.to_string()
}

#[test]
fn what_is_kept_is_there_again_for_the_same_user_only() {
    let (_dir, path) = two();
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    let history = checkpoint.take(&user(1, "ada")).unwrap();
    let expected = History::Read { source: Source::Checkpoint, read_at: now(), logins: logins("192.0.2.1") };
    assert_eq!(history, expected);
    assert_eq!(checkpoint.take(&user(2, "another ben")), None);
    assert_eq!(checkpoint.take(&user(3, "eve")), None);
    assert_eq!(checkpoint.take(&User::new().login("ada")), None);
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_next_one_is_whole() {
    let (_dir, path) = two();
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 9]).unwrap();
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    assert!(checkpoint.take(&user(1, "ada")).is_some());
    assert_eq!(checkpoint.take(&user(2, "ben")), None);
    // Shorter than what was torn, which must not show behind it.
    checkpoint.keep(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
    drop(checkpoint);
    assert!(fs::read(&path).unwrap().ends_with(b"\n"));
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(3, "eve")).is_some());
}

#[test]
fn a_line_that_cannot_be_read_is_left_out_and_the_others_are_good() {
    let (_dir, path) = two();
    let whole = fs::read(&path).unwrap();
    assert_eq!(Checkpoint::resume(&path, URL, now()).unwrap().note(), None);
    let place = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for (bad, note) in [(&b"{\"user_id\":\n"[..], "A line"), (b"\0\xff\n\n[1]\n", "3 lines")] {
        fs::write(&path, [&whole[..place], bad, &whole[place..]].concat()).unwrap();
        let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
        assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(2, "ben")).is_some());
        assert_eq!(
            checkpoint.note().unwrap(),
            format!("{note} of the checkpoint could not be read: what stood there was asked for again.")
        );
    }
}

#[test]
fn a_history_of_long_ago_is_read_again() {
    let (_dir, path) = two();
    let later = "2025-07-08T12:00:00Z".parse().unwrap();
    assert_eq!(Checkpoint::resume(&path, URL, later).unwrap().take(&user(1, "ada")), None);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let (_dir, path) = two();
    let shown = path.display();
    assert_eq!(
        refused(&path, "https://other.example/rest/v2"),
        format!(
            "the checkpoint {shown} cannot be used: it is of \"{URL}\", and this review is of \
             \"https://other.example/rest/v2\": resume that one there, or delete the file to begin anew"
        )
    );
    let foreign = "it is no checkpoint of a review: move it away, or delete it, to begin anew";
    let content = fs::read_to_string(&path).unwrap();
    for (content, problem) in [
        ("somebody's diary\n".to_owned(), foreign),
        ("a torn diary".to_owned(), foreign),
        ("{\"a\":1}\n".to_owned(), foreign),
        (
            content.replace("checkpoint\":1", "checkpoint\":2"),
            "another version of this program wrote it: delete the file to begin anew",
        ),
    ] {
        fs::write(&path, &content).unwrap();
        assert_eq!(refused(&path, URL), format!("the checkpoint {shown} cannot be used: {problem}"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_new_one_does_not_overwrite_and_an_absent_or_empty_one_is_begun() {
    let (dir, path) = two();
    let before = fs::read(&path).unwrap();
    let error = Checkpoint::begin(&path, URL, now()).unwrap_err().to_string();
    assert!(error.ends_with("resume that one, or delete the file"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    for path in [dir.path().join("absent"), dir.path().join("empty")] {
        if path.ends_with("empty") {
            fs::write(&path, "").unwrap();
        }
        Checkpoint::resume(&path, URL, now()).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("{\"ultracart_audit_checkpoint\":1"));
    }
}

#[test]
fn one_that_a_crash_left_without_a_history_is_begun_anew() {
    let (_dir, path) = two();
    let content = fs::read(&path).unwrap();
    let header = content.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for torn in 0..header + 9 {
        for place in [Place::New(path.clone()), Place::Resume(path.clone())] {
            fs::write(&path, &content[..torn]).unwrap();
            let mut checkpoint = place.open(URL, now()).unwrap().unwrap();
            checkpoint.keep(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
            drop(checkpoint);
            let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
            assert!(checkpoint.take(&user(3, "eve")).is_some(), "{place:?}, {torn} bytes");
        }
    }
}

#[test]
fn two_reviews_never_write_to_one_file() {
    let (dir, path) = two();
    let new = dir.path().join("new");
    let begun = Checkpoint::begin(&new, URL, now()).unwrap();
    let resumed = Checkpoint::resume(&path, URL, now()).unwrap();
    for (mut first, path) in [(begun, new), (resumed, path)] {
        let before = fs::read(&path).unwrap();
        for place in [Place::New(path.clone()), Place::Resume(path.clone())] {
            let error = place.open(URL, now()).unwrap_err().to_string();
            let expected = format!(
                "the checkpoint {} cannot be used: another review is writing to it: wait until that one has ended",
                path.display()
            );
            assert_eq!(error, expected);
            assert_eq!(fs::read(&path).unwrap(), before);
        }
        first.keep(&user(3, "eve"), &logins("192.0.2.3"), now()).unwrap();
        drop(first);
        assert!(Checkpoint::resume(&path, URL, now()).unwrap().take(&user(3, "eve")).is_some());
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_what_to_do_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no/such/folder");
    let error = Place::New(path.clone()).open(URL, now()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("the checkpoint {} cannot be used: ", path.display())), "{error}");
    assert!(error.ends_with(": see to it that this file can be read and written"), "{error}");
    let error = unusable(&path, io::ErrorKind::StorageFull.into()).to_string();
    assert!(error.ends_with(": make room on the disk"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = two();
    let empty = dir.path().join("empty");
    fs::write(&empty, "").unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o644)).unwrap();
    Checkpoint::resume(&empty, URL, now()).unwrap();
    for path in [path, empty] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
