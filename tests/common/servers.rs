//! Real IMAP servers, each started for one test on loopback ports and a folder of its own, and gone with it.
//!
//! The starting itself is done by `scripts/servers/*.sh`. Such a script ends its server when its standard input ends,
//! which happens at [`Server`]'s drop and also if the test is killed.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::peek::{self, Message};

/// The password of every user on every server here.
pub const PASSWORD: &str = "testpass";

/// The second address of Dovecot with [`Dovecot::plaintext_off`].
pub const OTHER_ADDRESS: &str = "127.0.0.2";

/// What a server script ends with when the server is not on this machine.
const UNAVAILABLE: i32 = 3;

/// A running server.
pub struct Server {
    /// IMAP in plain text, with STARTTLS.
    pub imap_port: u16,
    /// IMAP over TLS.
    pub imaps_port: u16,
    /// The certificate of the server, for `--ca-file`. It is good for `localhost` and [`OTHER_ADDRESS`] too.
    pub ca_file: PathBuf,
    script: Child,
    folder: TempDir,
    _ports: Ports,
}

impl Server {
    /// The URL of a user's mailbox over TLS, ending in `/`.
    pub fn url(&self, user: &str) -> String {
        format!("imaps://{user}@localhost:{}/", self.imaps_port)
    }

    /// The URL of a user's mailbox without encryption, on the port given: this server's or that of a proxy before it.
    pub fn plaintext_url(user: &str, port: u16) -> String {
        format!("imap+plaintext://{user}@127.0.0.1:{port}/")
    }

    /// The server's own folder: its log is `server.log`, and Dovecot keeps mail in `mail/USER`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every message of a user, seen by another client.
    pub fn peek(&self, user: &str) -> Vec<Message> {
        peek::peek(self.imap_port, user)
    }

    /// What the server has logged, for Dovecot and Courier.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder().join("server.log")).unwrap_or_default()).into_owned()
    }

    /// Starts the server of a script, or says why there is none: a failure where `CI` is set, else a skipped test.
    fn start(name: &str, settings: &[(&str, String)]) -> Option<Self> {
        for _ in 0..5 {
            match Self::try_start(name, settings) {
                Ok(server) => return Some(server),
                Err((Some(UNAVAILABLE), reason)) => {
                    let reason = reason.trim();
                    assert!(std::env::var_os("CI").is_none(), "{name}: {reason}");
                    // Past the capture of test output: a test that did nothing must not look like one that passed.
                    _ = writeln!(std::io::stderr(), "skipped: {name}: {reason}: run scripts/test");
                    return None;
                }
                Err((_, reason)) => eprintln!("{name} did not start, trying other ports: {reason}"),
            }
        }
        panic!("{name} does not start");
    }

    /// One try, on ports that were free a moment ago.
    fn try_start(name: &str, settings: &[(&str, String)]) -> Result<Self, (Option<i32>, String)> {
        let ports = Ports::reserve();
        let folder = tempfile::Builder::new().prefix(&format!("mailferry-{name}-")).tempdir().unwrap();
        let errors = folder.path().join("script.log");
        let mut script = Command::new(project().join("scripts/servers").join(format!("{name}.sh")))
            .arg("run")
            .arg(folder.path())
            .arg(ports.first.to_string())
            .envs(settings.iter().map(|(key, value)| (key, value)))
            .env("MAILFERRY_SERVERS", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim() != "ready" {
            let status = script.wait().unwrap();
            return Err((status.code(), fs::read_to_string(errors).unwrap_or_default()));
        }
        Ok(Self {
            imap_port: ports.first,
            imaps_port: ports.first + 1,
            ca_file: folder.path().join("cert.pem"),
            script,
            folder,
            _ports: ports,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take()); // tells the script to end the server
        _ = self.script.wait();
    }
}

/// Dovecot. Any user name will do; a new one has an empty mailbox with Drafts, Sent and Trash.
#[derive(Default)]
pub struct Dovecot {
    settings: Vec<(&'static str, String)>,
}

impl Dovecot {
    /// Maildir storage, separator `/`, no prefix, no quota.
    pub fn new() -> Self {
        Self::default()
    }

    /// The hierarchy separator.
    pub fn separator(self, separator: &str) -> Self {
        self.set("SEP", separator)
    }

    /// The prefix of the personal namespace, such as `INBOX.`.
    pub fn prefix(self, prefix: &str) -> Self {
        self.set("PREFIX", prefix)
    }

    /// How much each user may store, such as `50M`.
    pub fn quota(self, size: &str) -> Self {
        self.set("QUOTA", size)
    }

    /// How many messages each user may store.
    pub fn quota_messages(self, messages: u64) -> Self {
        self.set("QUOTAMSG", messages.to_string())
    }

    /// How large one message may be, such as `10M`.
    pub fn max_mail_size(self, size: &str) -> Self {
        self.set("MAXMAIL", size)
    }

    /// How many connections each user may have.
    pub fn max_connections(self, number: usize) -> Self {
        self.set("MAXCONN", number.to_string())
    }

    /// No login before TLS. Connect to [`OTHER_ADDRESS`]: from its own address Dovecot takes plain text as safe.
    pub fn plaintext_off(self) -> Self {
        self.set("PLAINTEXT", "no")
    }

    /// How mail is stored: `maildir`, `sdbox` or `mdbox`.
    pub fn format(self, format: &str) -> Self {
        self.set("FORMAT", format)
    }

    /// Whether storing waits for the disk: `optimized`, `never` or `always`.
    pub fn fsync(self, when: &str) -> Self {
        self.set("FSYNC", when)
    }

    /// A master user, who may log in as `USER*NAME`.
    pub fn master(self, name: &str, password: &str) -> Self {
        self.set("MASTER", format!("{name}:{password}"))
    }

    /// Starts it; `None` if it is not on this machine.
    #[must_use]
    pub fn start(self) -> Option<Server> {
        Server::start("dovecot", &self.settings)
    }

    fn set(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }
}

/// Cyrus. Users are `test`, `test2` and `anna`.
pub struct Cyrus {
    settings: Vec<(&'static str, String)>,
}

impl Cyrus {
    /// As it is set up today: the personal namespace at the top, separator `/`.
    pub fn new() -> Self {
        Self { settings: vec![("ALTNS", "yes".into()), ("UNIXSEP", "yes".into())] }
    }

    /// As it was set up once: everything below `INBOX.`, separator `.`.
    pub fn old_style() -> Self {
        Self { settings: vec![("ALTNS", "no".into()), ("UNIXSEP", "no".into())] }
    }

    /// How much each user may store, in KiB.
    pub fn quota_kib(mut self, size: u64) -> Self {
        self.settings.push(("QUOTAKB", size.to_string()));
        self
    }

    /// How large one message may be, in bytes.
    pub fn max_mail_size(mut self, size: u64) -> Self {
        self.settings.push(("MAXMSG", size.to_string()));
        self
    }

    /// Starts it; `None` if it is not on this machine.
    #[must_use]
    pub fn start(self) -> Option<Server> {
        Server::start("cyrus", &self.settings)
    }
}

impl Default for Cyrus {
    fn default() -> Self {
        Self::new()
    }
}

/// Courier: everything below `INBOX.`, separator `.`, neither LITERAL+ nor MULTIAPPEND. Users are `test`, `test2` and
/// `anna`.
#[derive(Default)]
pub struct Courier {
    settings: Vec<(&'static str, String)>,
}

impl Courier {
    /// As Debian sets it up.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these capabilities instead.
    pub fn capabilities(mut self, capabilities: &str) -> Self {
        self.settings.push(("CAPA", capabilities.into()));
        self
    }

    /// Starts it; `None` if it is not on this machine.
    #[must_use]
    pub fn start(self) -> Option<Server> {
        Server::start("courier", &self.settings)
    }
}

/// Two neighbouring ports, ours as long as this lives: no other test process takes them, by a lock on a file.
struct Ports {
    first: u16,
    _lock: File,
}

impl Ports {
    /// Finds two that nobody listens on. Below the range from which systems give ports to outgoing connections.
    fn reserve() -> Self {
        let locks = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports");
        fs::create_dir_all(&locks).unwrap();
        for round in 0_u32..1000 {
            let random = RandomState::new().hash_one(round) % 6000;
            let first = 20_000 + 2 * u16::try_from(random).unwrap();
            let lock = File::create(locks.join(first.to_string())).unwrap();
            let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if lock.try_lock().is_ok() && free(first) && free(first + 1) {
                return Self { first, _lock: lock };
            }
        }
        panic!("no free ports between 20000 and 32000");
    }
}

/// The top folder of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
