//! From an account to a logged-in session: reach, protect, log in, learn the namespace. Each step is bounded in time.

use std::fs;
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use imap::{Authenticator, Client};
use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use socket2::{SockRef, TcpKeepalive};

use crate::mail::{FolderPath, InternalDate};

use super::account::{Account, Security};
use super::answer::Status;
use super::error::{ImapError, Refusal};
use super::limits::Kind;
use super::names::{self, Namespace};
use super::open::{self, Purpose};
use super::session::Session;
use super::socket::{Socket, Stream};
use super::trace::Tracer;
use super::wire::Wire;

/// How long one address may take to accept.
const CONNECT: Duration = Duration::from_secs(15);
/// When a silent connection is first asked whether it is still there, and how often then.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// How long sent bytes may stay unacknowledged: a firewall may have dropped the connection without a word.
const UNACKNOWLEDGED: Duration = Duration::from_mins(2);

/// Connects, protects the connection, logs in and learns the server's namespace. Bounded in time.
pub fn connect(account: &Account) -> Result<Session, ImapError> {
    connect_to(account, None)
}

/// The same, and opens the folder that will be selected first in the same round trip. Its name is guessed before the server
/// tells how it writes names; a wrong guess is refused, and forgotten.
pub fn connect_to(account: &Account, first: Option<&FolderPath>) -> Result<Session, ImapError> {
    let tracer = account.options.trace.as_ref().map(|trace| trace.connection(account));
    let tcp = reach(account).inspect_err(|error| {
        if let Some(tracer) = &tracer {
            tracer.failed(error);
        }
    })?;
    let (wire, greeting) = match account.security {
        Security::Tls => greeted(&tcp, account, tracer, |socket| protect(socket, account))?,
        Security::Plaintext => greeted(&tcp, account, tracer, plain)?,
        Security::StartTls => start_tls(&tcp, account, tracer)?,
    };
    let capabilities = capabilities(&wire)?;
    let session = log_in(account, &wire, &capabilities)?;
    wire.set_patience(account.options.timeout * 2);
    let capabilities = self::capabilities(&wire)?;
    let kind = Kind::of(&greeting, &capabilities);
    let guess = first.map(|folder| Namespace::common().to_wire(folder)).filter(|name| names::quoted(name).is_ok());
    let opening = guess.map(|name| open::ask(&wire, &name, Purpose::Write)).transpose()?;
    let asked = names::ask(&wire, &capabilities)?;
    let opened = opening.map(|opening| (opening.opened(&wire, String::new), opening.name));
    let (namespace, folders) = names::learn(&wire, &asked)?;
    let mut session = Session::new(session, wire, capabilities, kind, namespace, folders);
    match opened {
        Some((Ok(opened), name)) => session.foresee(name, opened),
        Some((Err(error), _)) if !matches!(error, ImapError::Refused { .. }) => return Err(error),
        _ => {}
    }
    Ok(session)
}

/// A TCP connection to the first address that accepts, with keep-alive.
fn reach(account: &Account) -> Result<TcpStream, ImapError> {
    let (host, port) = (account.host.as_str(), account.port);
    let unknown = |source| ImapError::UnknownHost { host: host.to_owned(), source };
    let addresses = (host, port).to_socket_addrs().map_err(unknown)?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT.min(account.options.timeout))
            .and_then(|tcp| keep_alive(&tcp).map(|()| tcp))
        {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(ImapError::Unreachable { host: host.to_owned(), port, source: last })
}

fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?; // commands are small, and each is waited for
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

#[expect(clippy::unnecessary_wraps, reason = "stands in for `protect`")]
fn plain(socket: Socket) -> Result<Box<dyn Stream>, ImapError> {
    Ok(Box::new(socket))
}

/// A wire over the connection, and the words of its greeting.
fn greeted(
    tcp: &TcpStream,
    account: &Account,
    tracer: Option<Tracer>,
    protect: impl FnOnce(Socket) -> Result<Box<dyn Stream>, ImapError>,
) -> Result<(Wire, String), ImapError> {
    let wire = Wire::new(tcp, account.options.timeout, tracer, protect)?;
    let greeting = wire.answer()?;
    match greeting.untagged_status() {
        Some((Status::Ok, _, text)) => Ok((wire, text)),
        Some((Status::Bye | Status::No | Status::Bad, code, text)) => Err(ImapError::bye(&code, text)),
        Some((Status::Preauth, ..)) => {
            // Nobody knows whose mailbox this is, and STARTTLS would not be allowed any more (EAT, case P).
            let reason = "it says that the login was done already (PREAUTH)".to_owned();
            Err(ImapError::NoLogin { host: account.host.clone(), reason })
        }
        None => Err(ImapError::Nonsense { reason: "it does not greet as an IMAP server does".into() }),
    }
}

/// Greets in the clear, then changes to TLS or gives up; nothing that was said before counts after, but for the greeting,
/// which is not said again: it only chooses what is warned of ([`Kind`]).
fn start_tls(tcp: &TcpStream, account: &Account, tracer: Option<Tracer>) -> Result<(Wire, String), ImapError> {
    let refuse = |reason: &str| ImapError::NoStartTls { host: account.host.clone(), reason: reason.to_owned() };
    let (clear, greeting) = greeted(tcp, account, tracer.clone(), plain).map_err(|error| match error {
        ImapError::NoLogin { reason, .. } => refuse(&reason),
        other => other,
    })?;
    let tag = clear.tag();
    clear.send(format!("{tag} STARTTLS\r\n").as_bytes())?;
    match clear.continuation(&tag)? {
        None => return Err(refuse("it answers STARTTLS with a go-ahead")),
        Some(answer) => {
            if let Some(refusal) = answer.refusal() {
                return Err(refuse(&format!("it refuses STARTTLS ({refusal})")));
            }
        }
    }
    if clear.has_unread() {
        return Err(refuse("it sent more before the secure connection began, as an attacker in between would"));
    }
    let wire = Wire::new(tcp, account.options.timeout, tracer, |socket| protect(socket, account))?;
    Ok((wire, greeting))
}

/// The TLS handshake; the certificate is trusted by authority or by pin, never unseen.
fn protect(socket: Socket, account: &Account) -> Result<Box<dyn Stream>, ImapError> {
    let refuse = |reason: String| ImapError::Tls { host: account.host.clone(), reason };
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(path) = &account.options.ca_file {
        let unusable = |reason: String| ImapError::LocalFile { path: path.display().to_string(), reason };
        let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in Certificate::stack_from_pem(&pem).map_err(|error| unusable(error.to_string()))? {
            builder.add_root_certificate(certificate);
        }
    }
    if account.options.pin.is_some() {
        // The pin is compared below, before a single byte is read.
        builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
    }
    let connector = builder.build().map_err(|error| refuse(error.to_string()))?;
    let name = account.options.tls_name.as_deref().unwrap_or(&account.host);
    let stream = connector.connect(name, socket).map_err(|error| match error {
        HandshakeError::Failure(error) => refuse(handshake_reason(&error)),
        HandshakeError::WouldBlock(_) => ImapError::Silent { waited: account.options.timeout },
    })?;
    if let Some(pin) = &account.options.pin {
        let certificate = stream.peer_certificate().map_err(|error| refuse(error.to_string()))?;
        let der = certificate.and_then(|found| found.to_der().ok()).unwrap_or_default();
        let found = Sha256::digest(&der).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        if !found.eq_ignore_ascii_case(pin) {
            return Err(ImapError::Pin { host: account.host.clone(), found });
        }
    }
    Ok(Box::new(stream))
}

/// The TLS library's reason in words that help: its own stand behind its source code's names.
fn handshake_reason(error: &native_tls::Error) -> String {
    const MEANINGS: [(&str, &str); 7] = [
        ("self-signed", "the certificate is signed by itself or by an authority that this machine does not know"),
        ("unable to get local issuer", "the certificate's authority is not known on this machine"),
        ("has expired", "the certificate has expired (or this machine's date, TODAY, is wrong)"),
        ("mismatch", "the certificate is for another host name"),
        ("unsupported protocol", "it speaks only TLS 1.1 or older, which others can break"),
        ("protocol version", "it speaks only TLS 1.1 or older, which others can break"),
        ("not yet valid", "the certificate is not valid yet (or this machine's date, TODAY, is wrong)"),
    ];
    let text = error.to_string();
    let meaning = MEANINGS.iter().find(|(sign, _)| text.to_lowercase().contains(sign)).map(|(_, meaning)| *meaning);
    let today = InternalDate::here().to_day();
    meaning.map_or(text, |meaning| meaning.replace("TODAY", &today))
}

/// The capabilities, upper case, asked for unless they were told. They differ before and after TLS and login.
fn capabilities(wire: &Wire) -> Result<Vec<String>, ImapError> {
    if let Some(told) = wire.take_capabilities() {
        return Ok(told);
    }
    let mut found = Vec::new();
    let result = wire.command("CAPABILITY", 0, |values| {
        if values.first().is_some_and(|value| value.is("CAPABILITY")) {
            found = values.iter().skip(1).map(|value| value.text().to_ascii_uppercase()).collect();
        }
    })?;
    result.accept(|| "cannot ask for the server's capabilities".into())?;
    Ok(found)
}

/// AUTHENTICATE PLAIN with the one answer it takes.
struct Plain<'a> {
    account: &'a Account,
    wire: &'a Wire,
    is_answered: std::cell::Cell<bool>,
}

impl Authenticator for Plain<'_> {
    type Response = String;
    fn process(&self, _challenge: &[u8]) -> String {
        // The crate answers every go-ahead, without end.
        if self.is_answered.replace(true) {
            self.wire.fail(ImapError::Nonsense { reason: "it asks for the password again and again".into() });
            return String::new();
        }
        let authorization = self.account.options.authorization.as_deref().unwrap_or_default();
        format!("{authorization}\0{}\0{}", self.account.user, self.account.password.expose_secret())
    }
}

/// Logs in by LOGIN, which takes one round trip, where it may and can say all there is to say, else by AUTHENTICATE PLAIN;
/// a refused password is not tried again.
fn log_in(account: &Account, wire: &Wire, capabilities: &[String]) -> Result<imap::Session<Wire>, ImapError> {
    let has = |name: &str| capabilities.iter().any(|capability| capability == name);
    let mut client = Client::new(wire.clone());
    wire.forget_fault();
    let is_plain_text = account.user.is_ascii() && account.password.expose_secret().is_ascii();
    let can_login = is_plain_text && account.options.authorization.is_none() && !has("LOGINDISABLED");
    if !can_login && (has("AUTH=PLAIN") || account.options.authorization.is_some()) {
        let plain = Plain { account, wire, is_answered: std::cell::Cell::new(false) };
        match client.authenticate("PLAIN", &plain) {
            Ok(session) => return Ok(session),
            Err((error, again)) => match login_error(account, wire, error) {
                // Told to be unsupported after all: LOGIN may still work.
                ImapError::Login { refusal, .. }
                    if refusal.is_bad && account.options.authorization.is_none() && !plain.is_answered.get() =>
                {
                    client = again;
                }
                error => return Err(error),
            },
        }
    }
    if has("LOGINDISABLED") {
        let reason = "it forbids the login on this connection (LOGINDISABLED)".to_owned();
        return Err(ImapError::NoLogin { host: account.host.clone(), reason });
    }
    wire.forget_fault();
    let login = client.login(&account.user, account.password.expose_secret());
    login.map_err(|(error, _)| login_error(account, wire, error))
}

/// Codes that say that it is the user or the password, whatever the words are: these are not tried again (RFC 5530).
const NOT_THIS_LOGIN: [&str; 4] = ["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "CONTACTADMIN"];

/// What it means that a login did not succeed: a refused password, unless the server says that it is something else.
fn login_error(account: &Account, wire: &Wire, error: imap::Error) -> ImapError {
    if let imap::Error::Validate(_) = error {
        let text = "user and password can not hold line ends".to_owned();
        return ImapError::Login {
            user: account.user.clone(),
            refusal: Refusal { is_bad: false, code: String::new(), text },
        };
    }
    let error = wire.meaning(error, || format!("{} can not log in now", account.user));
    let is_busy = error.is_busy();
    let ImapError::Refused { refusal, .. } = error else { return error };
    let user = account.user.clone();
    match refusal.code.as_str() {
        "PRIVACYREQUIRED" => ImapError::NoLogin { host: account.host.clone(), reason: refusal.to_string() },
        code if NOT_THIS_LOGIN.contains(&code) || !is_busy && code != "LIMIT" => ImapError::Login { user, refusal },
        _ => ImapError::NotNow { user, refusal },
    }
}
