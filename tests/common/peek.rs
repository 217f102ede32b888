//! An independent client's view of a mailbox, by Python's imaplib (`peek.py`): no code of ours judges our own work.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::servers::{PASSWORD, project};

/// A message as another client sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Message {
    /// The folder's name, decoded, with the server's prefix and separator.
    pub folder: String,
    /// The folder's name as it is on the wire.
    pub wire: String,
    /// UIDVALIDITY of the folder.
    pub uid_validity: u32,
    /// UID.
    pub uid: u32,
    /// SHA-256 of the whole content, in hex.
    pub sha256: String,
    /// Bytes that came.
    pub size: u64,
    /// Bytes as the server says.
    pub server_size: u64,
    /// Flags and keywords, sorted, without `\Recent`.
    pub flags: Vec<String>,
    /// INTERNALDATE in seconds since 1970.
    pub internal_date: i64,
    /// The zone of INTERNALDATE, such as `+0200`.
    pub zone: String,
}

/// A folder as another client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Folder {
    /// Its name, decoded.
    #[serde(rename = "folder")]
    pub name: String,
    /// Its name as it is on the wire.
    pub wire: String,
    /// The hierarchy delimiter.
    pub delimiter: Option<String>,
    /// LIST attributes, such as `\Sent`.
    pub attributes: Vec<String>,
}

/// Every message of a user, folder by folder and by UID.
pub fn peek(port: u16, user: &str) -> Vec<Message> {
    lines(port, user, &["messages"])
}

/// The messages of one folder, by its decoded name.
pub fn peek_folder(port: u16, user: &str, folder: &str) -> Vec<Message> {
    peek(port, user).into_iter().filter(|message| message.folder == folder).collect()
}

/// Every folder of a user.
pub fn folders(port: u16, user: &str) -> Vec<Folder> {
    lines(port, user, &["folders"])
}

/// Every folder a user is subscribed to, decoded and sorted.
pub fn subscribed(port: u16, user: &str) -> Vec<String> {
    let mut names: Vec<String> =
        lines::<Folder>(port, user, &["subscribed"]).into_iter().map(|folder| folder.name).collect();
    names.sort();
    names
}

/// Stores a message; `flags` are separated by spaces, the folder is named as on the wire.
pub fn append(port: u16, user: &str, folder: &str, flags: &str, internal_date: i64, message: &[u8]) {
    run(port, user, &["append", folder, flags, &internal_date.to_string()], message);
}

/// Creates a folder, named as on the wire.
pub fn create(port: u16, user: &str, folder: &str) {
    run(port, user, &["create", folder], b"");
}

/// Removes a message.
pub fn delete(port: u16, user: &str, folder: &str, uid: u32) {
    run(port, user, &["delete", folder, &uid.to_string()], b"");
}

/// Sets flags on a message, beside those it has; they are separated by spaces.
pub fn flag(port: u16, user: &str, folder: &str, uid: u32, flags: &str) {
    run(port, user, &["flag", folder, &uid.to_string(), flags], b"");
}

/// The capabilities after login, in upper case.
pub fn capabilities(port: u16, user: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Capabilities {
        capabilities: Vec<String>,
    }
    lines::<Capabilities>(port, user, &["capability"]).into_iter().flat_map(|line| line.capabilities).collect()
}

fn lines<T: DeserializeOwned>(port: u16, user: &str, arguments: &[&str]) -> Vec<T> {
    run(port, user, arguments, b"").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs `peek.py` and gives what it printed. Fails the test if it fails.
fn run(port: u16, user: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("python3")
        .arg(project().join("tests/common/peek.py"))
        .args([&port.to_string(), user, PASSWORD])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is needed: run scripts/test");
    let sent = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "peek.py {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    sent.unwrap();
    String::from_utf8(output.stdout).unwrap()
}
