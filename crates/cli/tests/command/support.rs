//! Runs the command in a temporary home folder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// The simple key of every simulated account in these tests.
pub(crate) const KEY: &str = "k3y-of-the-test-7f1d";

/// A temporary home folder and the environment variables that the command runs with. The machine's own
/// variables are not passed on.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// The exit code and the outputs of a run.
#[derive(Debug)]
pub(crate) struct RunOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// Creates a home without configuration.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// Creates a home with the key [`KEY`] and this base URL.
    pub(crate) fn for_account(base_url: &str) -> Self {
        Self::empty().var("ULTRACART_SIMPLE_KEY", KEY).var("ULTRACART_BASE_URL", base_url)
    }

    /// Creates a home whose base URL refuses connections: a command fails if it makes a call.
    pub(crate) fn without_account() -> Self {
        Self::for_account("http://127.0.0.1:9/rest/v2").var("ULTRACART_RETRY__MAX_ATTEMPTS", "1")
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Returns the command, with the home folder as its working directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new(env!("CARGO_BIN_EXE_ultracart")), arguments)
    }

    /// Returns the command with a limit of one block (512 or 1,024 bytes) for each file, to simulate a full
    /// disk.
    #[cfg(unix)]
    pub(crate) fn command_on_full_disk(&self, arguments: &[&str]) -> Command {
        let mut shell = Command::new("/bin/sh");
        let limit = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
        shell.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_ultracart")]);
        self.prepare(shell, arguments)
    }

    /// Returns a command that runs this command line in a shell.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> Command {
        self.prepare(Command::new("/bin/sh"), &["-c", line])
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> RunOutput {
        let output = self.command(arguments).output().unwrap();
        RunOutput::new(output.status, &output.stdout, &output.stderr)
    }

    /// Runs the command with a text on stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> RunOutput {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        RunOutput::new(output.status, &output.stdout, &output.stderr)
    }

    /// Runs the command, which has to succeed without output on stderr, and returns its stdout.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        ran.stdout
    }

    /// Runs the command as [`stdout`](Self::stdout) does, with `--format json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        serde_json::from_str(&self.stdout(&arguments)).unwrap()
    }

    /// Replaces the home folder and ports, which differ from run to run.
    pub(crate) fn normalize(&self, text: &str) -> String {
        normalize(&text.replace(&self.folder.path().display().to_string(), "HOME"))
    }
}

impl RunOutput {
    fn new(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Returns the exit code and stderr. Panics if the run wrote to stdout.
    pub(crate) fn failure(&self, home: &Home) -> String {
        assert_eq!(self.stdout, "");
        format!("{}\n{}", self.code.unwrap(), home.normalize(&self.stderr))
    }
}

fn normalize(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut normalized = parts.next().unwrap().to_owned();
    for part in parts {
        normalized.push_str("127.0.0.1:PORT");
        normalized.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    normalized
}

/// `ultracart sim` as a child process, which is killed on drop.
pub(crate) struct SimProcess {
    pub(crate) child: Child,
    /// The line that the process printed, with the base URL and the key of the simulated account.
    pub(crate) line: String,
}

impl SimProcess {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(&Home::empty().var("ULTRACART_SIMPLE_KEY", KEY), arguments)
    }

    pub(crate) fn start_in(home: &Home, arguments: &[&str]) -> Self {
        let mut child = home.command(&[&["sim"], arguments].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the simulated account did not start: {stderr}");
        }
        Self { child, line }
    }

    pub(crate) fn base_url(&self) -> &str {
        self.line.strip_prefix("simulated account at ").unwrap().split(',').next().unwrap()
    }

    pub(crate) fn home(&self) -> Home {
        Home::for_account(self.base_url())
    }
}

impl Drop for SimProcess {
    fn drop(&mut self) {
        // The process may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Sends a signal to a child process.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
