//! Keys for git over ssh: `.ssh`, and the sections of `.gitconfig` for single repositories (1.9).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::git::section;
use super::{CredentialReason, read_secret};

const DEFAULT_PORT: &str = "22";

/// A host, or one repository on it, with its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SshHost {
    /// As it was given.
    address: String,
    name: String,
    port: String,
    /// `repo/path`, without `.git`.
    repository: Option<String>,
    keys: Vec<Key>,
}

/// The key in a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    secret: String,
    private_key: Vec<u8>,
    known_hosts: Vec<u8>,
}

impl Key {
    pub(super) fn read(name: &str, secret: &Path) -> Result<Self, CredentialReason> {
        Ok(Self {
            secret: name.to_owned(),
            private_key: read_secret(secret, "ssh-privatekey")?,
            known_hosts: read_secret(secret, "known_hosts").unwrap_or_default(),
        })
    }
}

/// Adds a key to those of its address.
pub(super) fn add(hosts: &mut Vec<SshHost>, address: &str, key: Key) {
    match hosts.iter_mut().find(|host| host.address == address) {
        Some(host) => host.keys.push(key),
        None => hosts.push(SshHost::new(address, key)),
    }
}

/// The files of the folder `.ssh`, named as below `/tekton/creds`.
pub(super) fn files(hosts: &[SshHost], folder: &Path) -> Vec<(String, Vec<u8>)> {
    let ordered = repositories_last(hosts);
    let keys = || ordered.iter().flat_map(|host| &host.keys);
    let config = ordered.iter().flat_map(|host| host.config(folder)).collect();
    let known: Vec<_> = keys().map(|key| &key.known_hosts[..]).filter(|k| !k.is_empty()).collect();
    let mut files: Vec<_> =
        keys().map(|key| (format!(".ssh/id_{}", key.secret), key.private_key.clone())).collect();
    files.push((".ssh/config".to_owned(), config));
    files.push((".ssh/known_hosts".to_owned(), known.join(&b'\n')));
    files
}

/// The sections of `.gitconfig` that lead a repository's address to its own entry in `.ssh/config`.
pub(super) fn git_config(hosts: &[SshHost]) -> Vec<u8> {
    hosts.iter().map(SshHost::git_config).collect::<String>().into_bytes()
}

impl SshHost {
    fn new(address: &str, key: Key) -> Self {
        let (host_and_port, repository) = match address.split_once('/') {
            Some((host_and_port, path)) => (host_and_port, path.trim_matches('/')),
            None => (address, ""),
        };
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        let (name, port) = split_port(host_and_port);
        Self {
            address: address.to_owned(),
            name: name.to_owned(),
            port: port.to_owned(),
            repository: Some(repository).filter(|path| !path.is_empty()).map(str::to_owned),
            keys: vec![key],
        }
    }

    fn alias(&self) -> String {
        match &self.repository {
            Some(path) => format!("{}--{}", self.name, path.replace('/', "--")),
            None => self.name.clone(),
        }
    }

    fn config(&self, folder: &Path) -> Vec<u8> {
        let (alias, name, port) = (self.alias(), &self.name, &self.port);
        let mut text = format!("Host {alias}\n    HostName {name}\n    Port {port}\n").into_bytes();
        for key in &self.keys {
            text.extend(b"    IdentityFile ");
            text.extend(folder.join(format!("id_{}", key.secret)).as_os_str().as_bytes());
            text.push(b'\n');
        }
        text
    }

    fn git_config(&self) -> String {
        let Some(path) = &self.repository else { return String::new() };
        let (alias, name) = (self.alias(), &self.name);
        let port = match self.port.as_str() {
            DEFAULT_PORT => String::new(),
            port => format!(":{port}"),
        };
        let short = section("url", &format!("git@{alias}:{path}.git"));
        let long = section("url", &format!("ssh://{alias}/{path}.git"));
        format!(
            "{short}\tinsteadOf = git@{name}:{path}.git\n\
             {long}\tinsteadOf = ssh://{name}{port}/{path}.git\n"
        )
    }
}

/// A whole host stands before single repositories.
fn repositories_last(hosts: &[SshHost]) -> Vec<&SshHost> {
    let mut ordered: Vec<_> = hosts.iter().collect();
    ordered.sort_by_key(|host| host.repository.is_some());
    ordered
}

/// `host:port` or `[address]:port`; what is no number is no port.
fn split_port(host: &str) -> (&str, &str) {
    let Some((name, port)) = host.rsplit_once(':') else { return (host, DEFAULT_PORT) };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_one_colon = bare.is_some() || !name.contains(':');
    match port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) || !is_one_colon {
        true => (host, DEFAULT_PORT),
        false => (bare.unwrap_or(name), port),
    }
}
