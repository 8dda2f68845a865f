//! Credentials from mounted secrets, for git, ssh and docker (1.3 step 1, 1.9).
//!
//! Three steps: the flags and the secrets that they name are read into a plan, the plan is written
//! below `/tekton/creds`, and what lies there is copied to the home folder, where the tools look.
//! Only the first may fail the step; from then on there are warnings.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::paths::Paths;

mod docker;
mod files;
mod git;
mod home;
mod ssh;

pub use home::copy_to_home;

/// Which kind of credential a flag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// `-basic-git=NAME=URL`: user name and password for git over HTTP.
    BasicGit,
    /// `-ssh-git=NAME=HOST`: a key for git over ssh.
    SshGit,
    /// `-basic-docker=NAME=URL`: user name and password for a registry.
    BasicDocker,
    /// `-docker-config=NAME`: a whole `config.json`.
    DockerConfig,
    /// `-docker-cfg=NAME`: a whole file in the older form `.dockercfg`.
    DockerCfg,
}

/// A credential flag as it was typed. The order among them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFlag {
    /// What it asks for.
    pub kind: CredentialKind,
    /// Its value, not yet looked into.
    pub value: String,
}

/// What to write: the flags, checked, with the secrets that they name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    git: Vec<git::BasicGit>,
    ssh: Vec<ssh::SshHost>,
    docker: docker::Docker,
}

/// A credential flag that cannot be taken. The exit code is 2, and the usage comes with it.
#[derive(Debug, Error)]
#[error("invalid value {value:?} for flag -{flag}: {reason}")]
pub struct CredentialError {
    /// The flag's name.
    pub flag: &'static str,
    /// What was given.
    pub value: String,
    /// What is wrong with it.
    pub reason: CredentialReason,
}

/// What is wrong with a credential flag.
#[derive(Debug, Error)]
pub enum CredentialReason {
    /// It is no name and address with one `=` between them.
    #[error("expect entries of the form secret=url")]
    NotAPair,
    /// Another flag of the same kind has the same address.
    #[error("multiple entries for url: {0}")]
    UrlTwice(String),
    /// The address cannot be one.
    #[error("not a url: {0}")]
    NotAUrl(String),
    /// A file of the secret cannot be read.
    #[error("cannot read {}: {source}; is the secret mounted, and has it this key?", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
}

/// Something about credentials that is logged and changes nothing else.
#[derive(Debug, Error)]
pub enum CredentialWarning {
    /// A file or folder cannot be read.
    #[error("credentials: cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// A secret for docker holds something else.
    #[error("credentials: {} is left out, since it is no docker config: {source}", path.display())]
    NotADockerConfig {
        /// The secret's file.
        path: PathBuf,
        /// Why it is none.
        source: serde_json::Error,
    },
    /// A file or folder cannot be written.
    #[error("credentials: cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot be written.
        source: io::Error,
    },
    /// There is no home folder to copy to.
    #[error("credentials: HOME is not set, so they stay in {}", .0.display())]
    NoHome(PathBuf),
}

impl Credentials {
    /// Checks the flags and reads the secrets that must be there.
    ///
    /// # Errors
    /// Fails on a value of another form, an address twice, and a missing secret.
    pub fn read(flags: &[CredentialFlag], paths: &Paths) -> Result<Self, CredentialError> {
        let mut credentials = Self::default();
        for flag in flags {
            credentials.add(flag, &paths.creds_secrets()).map_err(|reason| CredentialError {
                flag: flag.kind.flag_name(),
                value: flag.value.clone(),
                reason,
            })?;
        }
        Ok(credentials)
    }

    /// Writes all of it below `/tekton/creds`; nothing where no flag asked for anything.
    pub fn write(&self, paths: &Paths) -> Vec<CredentialWarning> {
        let folder = paths.creds();
        let (config, mut warnings) = self.docker.config();
        let mut planned = vec![
            (".docker/config.json".to_owned(), config),
            (
                ".gitconfig".to_owned(),
                [git::config(&self.git), ssh::git_config(&self.ssh)].concat(),
            ),
            (".git-credentials".to_owned(), git::store(&self.git)),
        ];
        planned.extend(ssh::files(&self.ssh, &folder.join(".ssh")));
        for (name, content) in planned.into_iter().filter(|(_, content)| !content.is_empty()) {
            warnings.extend(files::write(&folder.join(name), &content).err());
        }
        warnings
    }

    fn add(&mut self, flag: &CredentialFlag, secrets: &Path) -> Result<(), CredentialReason> {
        match flag.kind {
            CredentialKind::BasicGit => {
                let (secret, url) = pair(&flag.value)?;
                once(url, self.git.iter().map(|entry| entry.url.as_str()))?;
                self.git.push(git::BasicGit::new(url, Login::read(&secrets.join(secret))?)?);
            }
            CredentialKind::SshGit => {
                let (secret, host) = pair(&flag.value)?;
                ssh::add(&mut self.ssh, host, ssh::Key::read(secret, &secrets.join(secret))?);
            }
            CredentialKind::BasicDocker => {
                let (secret, url) = pair(&flag.value)?;
                once(url, self.docker.logins.iter().map(|(url, _)| url.as_str()))?;
                self.docker.logins.push((url.to_owned(), Login::read(&secrets.join(secret))?));
            }
            CredentialKind::DockerConfig => {
                self.docker.configs.push(secrets.join(&flag.value).join(".dockerconfigjson"));
            }
            CredentialKind::DockerCfg => {
                self.docker.cfgs.push(secrets.join(&flag.value).join(".dockercfg"));
            }
        }
        Ok(())
    }
}

impl CredentialKind {
    /// The name of its flag, without a dash.
    pub const fn flag_name(self) -> &'static str {
        match self {
            Self::BasicGit => "basic-git",
            Self::SshGit => "ssh-git",
            Self::BasicDocker => "basic-docker",
            Self::DockerConfig => "docker-config",
            Self::DockerCfg => "docker-cfg",
        }
    }
}

/// A user name and a password, byte for byte as the secret has them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    username: Vec<u8>,
    password: Vec<u8>,
}

impl Login {
    fn read(secret: &Path) -> Result<Self, CredentialReason> {
        let [username, password] = ["username", "password"].map(|key| read_secret(secret, key));
        Ok(Self { username: username?, password: password? })
    }
}

fn read_secret(secret: &Path, key: &str) -> Result<Vec<u8>, CredentialReason> {
    let path = secret.join(key);
    std::fs::read(&path).map_err(|source| CredentialReason::NoSecret { path, source })
}

/// Takes apart `a=b`, with exactly one `=`.
fn pair(value: &str) -> Result<(&str, &str), CredentialReason> {
    let (secret, address) = value.split_once('=').ok_or(CredentialReason::NotAPair)?;
    if secret.is_empty() || address.is_empty() || address.contains('=') {
        return Err(CredentialReason::NotAPair);
    }
    if address.chars().any(char::is_control) {
        return Err(CredentialReason::NotAUrl(address.escape_debug().to_string()));
    }
    Ok((secret, address))
}

fn once<'a>(url: &str, mut earlier: impl Iterator<Item = &'a str>) -> Result<(), CredentialReason> {
    match earlier.any(|known| known == url) {
        true => Err(CredentialReason::UrlTwice(url.to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
