//! User names and passwords for git over HTTP: `.gitconfig` and `.git-credentials` (1.9).

use super::{CredentialReason, Login};

/// A login for one URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BasicGit {
    /// As it was given.
    pub(super) url: String,
    address: Address,
    login: Login,
}

/// A URL in the parts that matter here. User information that it carried is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    /// All that follows the host.
    path: String,
}

impl BasicGit {
    pub(super) fn new(url: &str, login: Login) -> Result<Self, CredentialReason> {
        let address = Address::parse(url).ok_or_else(|| CredentialReason::NotAUrl(url.into()))?;
        Ok(Self { url: url.to_owned(), address, login })
    }
}

/// The sections of `.gitconfig`, in the order given.
pub(super) fn config(entries: &[BasicGit]) -> Vec<u8> {
    let mut text = Vec::new();
    if !entries.is_empty() {
        text.extend(b"[credential]\n\thelper = store\n");
    }
    for entry in entries {
        text.extend(section("credential", &entry.url).bytes());
        text.extend(b"\tusername = ");
        text.extend(backslashes_doubled(&entry.login.username));
        text.push(b'\n');
        if entry.address.has_path() {
            text.extend(b"\tuseHttpPath = true\n");
        }
    }
    text
}

/// The lines of `.git-credentials`. A URL without a path comes before those with one.
pub(super) fn store(entries: &[BasicGit]) -> Vec<u8> {
    let mut ordered: Vec<_> = entries.iter().collect();
    ordered.sort_by_key(|entry| entry.address.has_path());
    ordered.into_iter().map(store_line).collect::<String>().into_bytes()
}

/// The head of a section with a name of its own.
pub(super) fn section(kind: &str, name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("[{kind} \"{escaped}\"]\n")
}

fn store_line(entry: &BasicGit) -> String {
    let Address { scheme, host, path } = &entry.address;
    let username = percent_encoded(&entry.login.username, stands_in_userinfo);
    let password = percent_encoded(&entry.login.password, stands_in_userinfo);
    let path = percent_encoded(path.as_bytes(), stands_in_path);
    format!("{scheme}://{username}:{password}@{host}{path}\n")
}

impl Address {
    /// Nothing where the host cannot be one. Without a scheme it is `https`.
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(host_end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = host.rsplit_once(':').map_or("", |(_, port)| port);
        let port_is_number = port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = port_is_number && !host.is_empty() && !host.contains(char::is_whitespace);
        is_plain.then(|| Self { scheme: scheme.into(), host: host.into(), path: path.into() })
    }

    fn has_path(&self) -> bool {
        self.path.starts_with('/') && !self.path.trim_matches('/').is_empty()
    }
}

fn backslashes_doubled(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == b'\\').collect::<Vec<_>>().join(&b"\\\\"[..])
}

fn percent_encoded(bytes: &[u8], stands: fn(u8) -> bool) -> String {
    let encode = |byte: &u8| match stands(*byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

/// Go leaves these as they are in a user's name and password.
fn stands_in_userinfo(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~$&+,;=".contains(&byte)
}

/// A path is taken as it was given; what may stand in no URL is encoded.
fn stands_in_path(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}
