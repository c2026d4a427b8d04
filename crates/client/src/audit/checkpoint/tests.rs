//! Tests of writing, resuming and rejecting checkpoint files.

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

/// Returns a folder, and the path of a checkpoint with two histories in it.
fn checkpoint_of_two() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let mut checkpoint = Checkpoint::create(&path, URL, now()).unwrap();
    checkpoint.append(&user(1, "ada"), &logins("192.0.2.1"), now()).unwrap();
    checkpoint.append(&user(2, "ben"), &logins("192.0.2.2"), now()).unwrap();
    (dir, path)
}

fn resume_error(path: &Path, url: &str) -> String {
    let error = Checkpoint::resume(path, url, now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    error.to_string()
}

#[test]
fn resumed_history_is_for_same_user_only() {
    let (_dir, path) = checkpoint_of_two();
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    let history = checkpoint.take(&user(1, "ada")).unwrap();
    let expected = History::Read { source: Source::Checkpoint, read_at: now(), logins: logins("192.0.2.1") };
    assert_eq!(history, expected);
    assert_eq!(checkpoint.take(&user(2, "another ben")), None);
    assert_eq!(checkpoint.take(&user(3, "eve")), None);
    assert_eq!(checkpoint.take(&User::new().login("ada")), None);
}

#[test]
fn incomplete_last_line_is_cut_off_on_resume() {
    let (_dir, path) = checkpoint_of_two();
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 9]).unwrap();
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    assert!(checkpoint.take(&user(1, "ada")).is_some());
    assert_eq!(checkpoint.take(&user(2, "ben")), None);
    // This line is shorter than the incomplete one, of which no byte may remain.
    checkpoint.append(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
    drop(checkpoint);
    assert!(fs::read(&path).unwrap().ends_with(b"\n"));
    let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
    assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(3, "eve")).is_some());
}

#[test]
fn unparsable_line_is_skipped_and_noted() {
    let (_dir, path) = checkpoint_of_two();
    let whole = fs::read(&path).unwrap();
    assert_eq!(Checkpoint::resume(&path, URL, now()).unwrap().note(), None);
    let header_end = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for (bad, lines) in [(&b"{\"user_id\":\n"[..], "1 line"), (b"\0\xff\n\n[1]\n", "3 lines")] {
        fs::write(&path, [&whole[..header_end], bad, &whole[header_end..]].concat()).unwrap();
        let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
        assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(2, "ben")).is_some());
        assert_eq!(
            checkpoint.note().unwrap(),
            format!("{lines} of the checkpoint could not be read. The login histories were requested again.")
        );
    }
}

#[test]
fn history_older_than_7_days_is_not_reused() {
    let (_dir, path) = checkpoint_of_two();
    let later = "2025-07-08T12:00:00Z".parse().unwrap();
    assert_eq!(Checkpoint::resume(&path, URL, later).unwrap().take(&user(1, "ada")), None);
}

#[test]
fn foreign_file_is_rejected_and_left_unchanged() {
    let (_dir, path) = checkpoint_of_two();
    let shown = path.display();
    assert_eq!(
        resume_error(&path, "https://other.example/rest/v2"),
        format!(
            "the checkpoint {shown} cannot be used: it belongs to a review of \"{URL}\", but this review \
             is of \"https://other.example/rest/v2\"; resume it with that base URL, or delete the file to \
             start a new review"
        )
    );
    let foreign = "it is not the checkpoint of an access review; move the file, or delete it";
    let content = fs::read_to_string(&path).unwrap();
    for (content, problem) in [
        ("Dear diary\n".to_owned(), foreign),
        ("Dear diary without a line break".to_owned(), foreign),
        ("{\"a\":1}\n".to_owned(), foreign),
        (
            content.replace("checkpoint\":1", "checkpoint\":2"),
            "a different version of this program wrote it; delete the file to start a new review",
        ),
    ] {
        fs::write(&path, &content).unwrap();
        assert_eq!(resume_error(&path, URL), format!("the checkpoint {shown} cannot be used: {problem}"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn create_keeps_histories_and_resume_creates_file() {
    let (dir, path) = checkpoint_of_two();
    let before = fs::read(&path).unwrap();
    let error = Checkpoint::create(&path, URL, now()).unwrap_err().to_string();
    assert!(error.ends_with("resume that review, or delete the file"), "{error}");
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
fn checkpoint_without_complete_history_is_recreated() {
    let (_dir, path) = checkpoint_of_two();
    let content = fs::read(&path).unwrap();
    let header = content.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for length in 0..header + 9 {
        for mode in [CheckpointMode::New(path.clone()), CheckpointMode::Resume(path.clone())] {
            fs::write(&path, &content[..length]).unwrap();
            let mut checkpoint = mode.open(URL, now()).unwrap().unwrap();
            checkpoint.append(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
            drop(checkpoint);
            let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
            assert!(checkpoint.take(&user(3, "eve")).is_some(), "{mode:?}, {length} bytes");
        }
    }
}

#[test]
fn checkpoint_in_use_is_rejected() {
    let (dir, path) = checkpoint_of_two();
    let new = dir.path().join("new");
    let created = Checkpoint::create(&new, URL, now()).unwrap();
    let resumed = Checkpoint::resume(&path, URL, now()).unwrap();
    for (mut first, path) in [(created, new), (resumed, path)] {
        let before = fs::read(&path).unwrap();
        for mode in [CheckpointMode::New(path.clone()), CheckpointMode::Resume(path.clone())] {
            let error = mode.open(URL, now()).unwrap_err().to_string();
            let expected = format!(
                "the checkpoint {} cannot be used: another review is writing to it; wait until that review \
                 has ended",
                path.display()
            );
            assert_eq!(error, expected);
            assert_eq!(fs::read(&path).unwrap(), before);
        }
        first.append(&user(3, "eve"), &logins("192.0.2.3"), now()).unwrap();
        drop(first);
        assert!(Checkpoint::resume(&path, URL, now()).unwrap().take(&user(3, "eve")).is_some());
    }
}

#[test]
fn unwritable_checkpoint_error_has_path_and_advice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no/such/folder");
    let error = CheckpointMode::New(path.clone()).open(URL, now()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("the checkpoint {} cannot be used: ", path.display())), "{error}");
    assert!(error.ends_with("; make sure that this program can read and write the file"), "{error}");
    let error = io_failed(&path, io::ErrorKind::StorageFull.into()).to_string();
    assert!(error.ends_with("; free some disk space"), "{error}");
}

#[cfg(unix)]
#[test]
fn checkpoint_is_readable_by_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = checkpoint_of_two();
    let empty = dir.path().join("empty");
    fs::write(&empty, "").unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o644)).unwrap();
    Checkpoint::resume(&empty, URL, now()).unwrap();
    for path in [path, empty] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
