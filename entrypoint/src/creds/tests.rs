//! Whole trees: secrets and flags in, files with their modes out.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;

use CredentialKind::{BasicDocker, BasicGit, DockerCfg, DockerConfig, SshGit};

/// A root with secrets in it.
pub(super) struct Root {
    pub(super) folder: TempDir,
    pub(super) paths: Paths,
}

pub(super) type Secrets<'a> = &'a [(&'a str, &'a [u8])];
type Flags<'a> = &'a [(CredentialKind, &'a str)];

impl Root {
    /// Files named `SECRET/KEY`.
    pub(super) fn with(secrets: Secrets) -> Self {
        let folder = TempDir::new().unwrap();
        let paths = Paths::under(folder.path());
        for (name, content) in secrets {
            put(&paths.creds_secrets().join(name), content);
        }
        Self { folder, paths }
    }

    fn read(&self, flags: Flags) -> Result<Credentials, CredentialError> {
        let flag =
            |(kind, value): &(_, &str)| CredentialFlag { kind: *kind, value: (*value).into() };
        Credentials::read(&flags.iter().map(flag).collect::<Vec<_>>(), &self.paths)
    }

    /// Writes, and gives the warnings, with `ROOT` for the root.
    fn write(&self, flags: Flags) -> Vec<String> {
        self.told(&self.read(flags).unwrap().write(&self.paths))
    }

    pub(super) fn told(&self, warnings: &[CredentialWarning]) -> Vec<String> {
        warnings.iter().map(|warning| self.rootless(&warning.to_string())).collect()
    }

    fn rootless(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "ROOT")
    }

    /// All files below a folder, with `ROOT` for the root. Their modes are what they must be.
    pub(super) fn tree(&self, folder: &Path) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        self.collect(folder, folder, &mut tree);
        tree
    }

    fn collect(&self, top: &Path, folder: &Path, tree: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                assert_eq!(mode(&path), 0o700, "{name}");
                self.collect(top, &path, tree);
            } else {
                assert_eq!(mode(&path), 0o600, "{name}");
                let content = fs::read(&path).unwrap();
                tree.insert(name, self.rootless(str::from_utf8(&content).unwrap()));
            }
        }
    }
}

pub(super) fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(super) fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

/// What is written for these flags from these secrets, without a warning.
#[track_caller]
fn writes(secrets: Secrets, flags: Flags, files: &[(&str, &str)]) {
    let root = Root::with(secrets);
    assert_eq!(root.write(flags), [""; 0]);
    assert_eq!(root.tree(&root.paths.creds()), tree(files));
}

const LOGINS: Secrets<'static> = &[
    ("hub/username", b"ann"),
    ("hub/password", b"secret"),
    ("lab/username", br"corp\bob\x"),
    ("lab/password", b"p w"),
    ("odd/username", b"a-_.~$&+,;=!*'()#[]@:/?%\n\xc3\xa9\xff"),
    ("odd/password", b"<\"\\>"),
    ("empty/username", b""),
    ("empty/password", b""),
];

#[test]
fn without_a_flag_nothing_is_written() {
    let root = Root::with(LOGINS);
    assert_eq!(root.write(&[]), [""; 0]);
    assert!(!root.paths.creds().exists());
}

#[test]
fn git_is_told_the_user_of_each_url_in_the_order_given() {
    writes(
        LOGINS,
        &[
            (BasicGit, "lab=https://lab.example:8443/group/repo.git"),
            (BasicGit, "hub=https://hub.example"),
            (BasicGit, "hub=http://old:er@hub.example/"),
            (BasicGit, "empty=plain.example/a b?q#f%20"),
            (BasicGit, "hub=https://[::1]:80"),
        ],
        &[
            (
                ".gitconfig",
                r#"[credential]
	helper = store
[credential "https://lab.example:8443/group/repo.git"]
	username = corp\\bob\\x
	useHttpPath = true
[credential "https://hub.example"]
	username = ann
[credential "http://old:er@hub.example/"]
	username = ann
[credential "plain.example/a b?q#f%20"]
	username = 
	useHttpPath = true
[credential "https://[::1]:80"]
	username = ann
"#,
            ),
            (
                ".git-credentials",
                "https://ann:secret@hub.example\n\
                 http://ann:secret@hub.example/\n\
                 https://ann:secret@[::1]:80\n\
                 https://corp%5Cbob%5Cx:p%20w@lab.example:8443/group/repo.git\n\
                 https://:@plain.example/a%20b?q#f%20\n",
            ),
        ],
    );
}

#[test]
fn users_and_passwords_are_encoded_as_go_does() {
    let root = Root::with(LOGINS);
    assert_eq!(root.write(&[(BasicGit, "odd=https://h")]), [""; 0]);
    let user = "a-_.~$&+,;=%21%2A%27%28%29%23%5B%5D%40%3A%2F%3F%25%0A%C3%A9%FF";
    assert_eq!(
        fs::read_to_string(root.paths.creds().join(".git-credentials")).unwrap(),
        format!("https://{user}:%3C%22%5C%3E@h\n"),
    );
}

const KEYS: Secrets<'static> = &[
    ("one/ssh-privatekey", b"KEY ONE\n"),
    ("one/known_hosts", b"hub ssh-rsa AAA"),
    ("two/ssh-privatekey", b"KEY TWO"),
    ("two/known_hosts", b"lab ssh-rsa BBB\n"),
    ("three/ssh-privatekey", b"KEY THREE"),
];

#[test]
fn ssh_is_told_the_keys_of_each_host() {
    writes(
        KEYS,
        &[
            (SshGit, "one=hub.example"),
            (SshGit, "two=lab.example:2222"),
            (SshGit, "three=hub.example"),
            (SshGit, "three=[::1]:022"),
        ],
        &[
            (".ssh/id_one", "KEY ONE\n"),
            (".ssh/id_two", "KEY TWO"),
            (".ssh/id_three", "KEY THREE"),
            (".ssh/known_hosts", "hub ssh-rsa AAA\nlab ssh-rsa BBB\n"),
            (
                ".ssh/config",
                "Host hub.example
    HostName hub.example
    Port 22
    IdentityFile ROOT/tekton/creds/.ssh/id_one
    IdentityFile ROOT/tekton/creds/.ssh/id_three
Host lab.example
    HostName lab.example
    Port 2222
    IdentityFile ROOT/tekton/creds/.ssh/id_two
Host ::1
    HostName ::1
    Port 022
    IdentityFile ROOT/tekton/creds/.ssh/id_three
",
            ),
        ],
    );
}

#[test]
fn what_is_no_port_belongs_to_the_host() {
    for host in ["hub:", "hub:ssh", "::1", "fe80::1:22", "[::1]", "hub:+22"] {
        writes(
            KEYS,
            &[(SshGit, &format!("three={host}"))],
            &[
                (".ssh/id_three", "KEY THREE"),
                (
                    ".ssh/config",
                    &format!(
                        "Host {host}\n    HostName {host}\n    Port 22\n    \
                         IdentityFile ROOT/tekton/creds/.ssh/id_three\n"
                    ),
                ),
            ],
        );
    }
}

#[test]
fn a_repository_has_a_host_of_its_own() {
    writes(
        KEYS,
        &[
            (SshGit, "two=hub.example:2222/group/repo.git"),
            (SshGit, "one=hub.example:22/other/repo"),
            (SshGit, "three=hub.example"),
            (SshGit, "three=hub.example:22/other/repo"),
        ],
        &[
            (".ssh/id_one", "KEY ONE\n"),
            (".ssh/id_two", "KEY TWO"),
            (".ssh/id_three", "KEY THREE"),
            (".ssh/known_hosts", "lab ssh-rsa BBB\n\nhub ssh-rsa AAA"),
            (
                ".ssh/config",
                "Host hub.example
    HostName hub.example
    Port 22
    IdentityFile ROOT/tekton/creds/.ssh/id_three
Host hub.example--group--repo
    HostName hub.example
    Port 2222
    IdentityFile ROOT/tekton/creds/.ssh/id_two
Host hub.example--other--repo
    HostName hub.example
    Port 22
    IdentityFile ROOT/tekton/creds/.ssh/id_one
    IdentityFile ROOT/tekton/creds/.ssh/id_three
",
            ),
            (
                ".gitconfig",
                r#"[url "git@hub.example--group--repo:group/repo.git"]
	insteadOf = git@hub.example:group/repo.git
[url "ssh://hub.example--group--repo/group/repo.git"]
	insteadOf = ssh://hub.example:2222/group/repo.git
[url "git@hub.example--other--repo:other/repo.git"]
	insteadOf = git@hub.example:other/repo.git
[url "ssh://hub.example--other--repo/other/repo.git"]
	insteadOf = ssh://hub.example/other/repo.git
"#,
            ),
        ],
    );
}

#[test]
fn repositories_follow_the_logins_in_the_same_file() {
    let root = Root::with(&[LOGINS, KEYS].concat());
    assert_eq!(root.write(&[(SshGit, "three=h/r"), (BasicGit, "hub=https://h")]), [""; 0]);
    assert_eq!(
        fs::read_to_string(root.paths.creds().join(".gitconfig")).unwrap(),
        r#"[credential]
	helper = store
[credential "https://h"]
	username = ann
[url "git@h--r:r.git"]
	insteadOf = git@h:r.git
[url "ssh://h--r/r.git"]
	insteadOf = ssh://h/r.git
"#,
    );
}

#[test]
fn docker_gets_one_file_merged_from_all() {
    let secrets: Secrets = &[
        ("old/.dockercfg", br#"{"b":{"auth":"old","email":"e"},"a":{"auth":"old"}, "z":{}}"#),
        (
            "new/.dockerconfigjson",
            br#"{"auths":{"b":{"email":"n","username":"u","password":"p","auth":"new"},
                "t":{"auth":null,"identitytoken":"<&>","username":null}},"credsStore":"x"}"#,
        ),
        ("none/.dockerconfigjson", br#"{"auths":null}"#),
    ];
    writes(
        &[LOGINS, secrets].concat(),
        &[
            (BasicDocker, "hub=https://a/v1/"),
            (BasicDocker, "odd=z"),
            (DockerConfig, "none"),
            (DockerConfig, "new"),
            (DockerCfg, "old"),
        ],
        &[(
            ".docker/config.json",
            concat!(
                r#"{"auths":{"a":{"auth":"old"},"#,
                r#""b":{"username":"u","password":"p","auth":"new","email":"n"},"#,
                r#""https://a/v1/":{"username":"ann","password":"secret","#,
                r#""auth":"YW5uOnNlY3JldA==","email":"not@val.id"},"#,
                r#""t":{"auth":"","identitytoken":"\u003c\u0026\u003e"},"#,
                r#""z":{"username":"a-_.~$\u0026+,;=!*'()#[]@:/?%\né�","#,
                r#""password":"\u003c\"\\\u003e","#,
                r#""auth":"YS1fLn4kJissOz0hKicoKSNbXUA6Lz8lCsOp/zo8Ilw+","email":"not@val.id"}}}"#,
            ),
        )],
    );
}

#[test]
fn a_docker_secret_that_cannot_be_used_is_told_and_left_out() {
    let secrets: Secrets =
        &[("bad/.dockercfg", b"{"), ("list/.dockerconfigjson", br#"{"auths":[]}"#)];
    let root = Root::with(&[LOGINS, secrets].concat());
    let warnings = root.write(&[
        (DockerCfg, "bad"),
        (DockerConfig, "list"),
        (DockerCfg, "gone"),
        (DockerConfig, "gone"),
        (BasicDocker, "empty=r"),
    ]);
    let starts = [
        "credentials: ROOT/tekton/creds-secrets/bad/.dockercfg is left out, since it is no docker",
        "credentials: cannot read ROOT/tekton/creds-secrets/gone/.dockercfg: No such file",
        "credentials: ROOT/tekton/creds-secrets/list/.dockerconfigjson is left out, since it is",
        "credentials: cannot read ROOT/tekton/creds-secrets/gone/.dockerconfigjson: No such file",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
    let config = r#"{"auths":{"r":{"auth":"Og==","email":"not@val.id"}}}"#;
    assert_eq!(root.tree(&root.paths.creds()), tree(&[(".docker/config.json", config)]));
}

#[test]
fn nothing_from_docker_secrets_means_no_file() {
    writes(&[("none/.dockercfg", b"{}")], &[(DockerCfg, "none")], &[]);
}

#[test]
fn flags_that_cannot_be_say_why() {
    let pair = "expect entries of the form secret=url";
    let gone = |key| {
        format!(
            "cannot read ROOT/tekton/creds-secrets/gone/{key}: No such file or directory \
             (os error 2); is the secret mounted, and has it this key?"
        )
    };
    let cases: [(Flags, String); 19] = [
        (&[(BasicGit, "hub")], pair.into()),
        (&[(BasicGit, "hub=a=b")], pair.into()),
        (&[(BasicGit, "hub=")], pair.into()),
        (&[(BasicGit, "=a")], pair.into()),
        (&[(BasicGit, "")], pair.into()),
        (&[(SshGit, "one")], pair.into()),
        (&[(SshGit, "one=a=b")], pair.into()),
        (&[(BasicDocker, "hub")], pair.into()),
        (&[(BasicDocker, "hub=a=b")], pair.into()),
        (&[(BasicGit, "hub=u"), (BasicGit, "lab=u")], "multiple entries for url: u".into()),
        (&[(BasicDocker, "hub=u"), (BasicDocker, "hub=u")], "multiple entries for url: u".into()),
        (&[(BasicGit, "gone=u")], gone("username")),
        (&[(SshGit, "gone=u")], gone("ssh-privatekey")),
        (&[(BasicDocker, "gone=u")], gone("username")),
        (&[(BasicGit, "hub=https://h:x/")], "not a url: https://h:x/".into()),
        (&[(BasicGit, "hub=https:///p")], "not a url: https:///p".into()),
        (&[(BasicGit, "hub=https://a b")], "not a url: https://a b".into()),
        (&[(BasicGit, "hub=u\nv")], "not a url: u\\nv".into()),
        (&[(SshGit, "one=u\nv")], "not a url: u\\nv".into()),
    ];
    let root = Root::with(&[LOGINS, KEYS].concat());
    for (flags, reason) in cases {
        let (kind, value) = flags.last().unwrap();
        let wanted = format!("invalid value {value:?} for flag -{}: {reason}", kind.flag_name());
        let error = root.read(flags).unwrap_err().to_string();
        assert_eq!(root.rootless(&error), wanted);
    }
    let same: Flags =
        &[(BasicGit, "hub=u"), (BasicDocker, "hub=u"), (SshGit, "one=u"), (SshGit, "one=u")];
    assert!(root.read(same).is_ok(), "an address twice is wrong within a kind alone");
}

#[test]
fn a_missing_password_is_missed_too() {
    let root = Root::with(&[("half/username", b"u")]);
    let error = root.read(&[(BasicGit, "half=u")]).unwrap_err().to_string();
    assert!(error.contains("half/password: No such file"), "{error}");
}

#[test]
fn what_cannot_be_written_is_told_file_by_file() {
    let root = Root::with(LOGINS);
    put(&root.paths.creds().join(".docker"), b"in the way");
    fs::create_dir(root.paths.creds().join(".gitconfig")).unwrap();
    let warnings = root.write(&[(BasicDocker, "hub=r"), (BasicGit, "hub=https://h")]);
    assert_eq!(
        warnings,
        [
            "credentials: cannot write ROOT/tekton/creds/.docker/config.json: \
             Not a directory (os error 20)",
            "credentials: cannot write ROOT/tekton/creds/.gitconfig: Is a directory (os error 21)",
        ]
    );
    let mut names: Vec<_> =
        fs::read_dir(root.paths.creds()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".docker", ".git-credentials", ".gitconfig"], "nothing else is left");
}
