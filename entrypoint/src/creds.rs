//! Credentials from mounted secrets, for git, ssh and docker (1.9).

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
