//! Logins for registries: `.docker/config.json` (1.9).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{CredentialWarning, Login};

/// What becomes of the configuration, later ones over earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Docker {
    /// Files in the form of `.dockercfg`.
    pub(super) cfgs: Vec<PathBuf>,
    /// Files in the form of `config.json`.
    pub(super) configs: Vec<PathBuf>,
    /// URLs with their logins.
    pub(super) logins: Vec<(String, Login)>,
}

/// The file, and a secret in the form of `config.json`.
#[derive(Default, Serialize, Deserialize)]
struct Config {
    #[serde(default, deserialize_with = "or_null")]
    auths: Auths,
}

/// By registry; all of a secret in the form of `.dockercfg`.
type Auths = BTreeMap<String, Auth>;

/// One registry's login, with its keys in the order that Tekton writes.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(deserialize_with = "or_null")]
    auth: String,
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    email: String,
    /// Such as `identitytoken`, without which some registries let nobody in.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl Docker {
    /// The content of `config.json`, empty where there is no login at all. A secret that cannot be
    /// used is left out.
    pub(super) fn config(&self) -> (Vec<u8>, Vec<CredentialWarning>) {
        let mut auths = Auths::new();
        let mut warnings = Vec::new();
        let cfgs = self.cfgs.iter().map(|path| read::<Auths>(path));
        let configs = self.configs.iter().map(|path| Ok(read::<Config>(path)?.auths));
        for secret in cfgs.chain(configs) {
            match secret {
                Ok(secret) => auths.extend(secret),
                Err(warning) => warnings.push(warning),
            }
        }
        auths.extend(self.logins.iter().map(|(url, login)| (url.clone(), Auth::of(login))));
        if auths.is_empty() {
            return (Vec::new(), warnings);
        }
        let config = serde_json::to_string(&Config { auths }).unwrap_or_default();
        (escaped_as_go_does(&config).into_bytes(), warnings)
    }
}

impl Auth {
    fn of(login: &Login) -> Self {
        let Login { username, password } = login;
        Self {
            username: String::from_utf8_lossy(username).into_owned(),
            password: String::from_utf8_lossy(password).into_owned(),
            auth: STANDARD.encode([username, &b":"[..], password].concat()),
            email: "not@val.id".to_owned(),
            ..Self::default()
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, CredentialWarning> {
    let text = fs::read(path)
        .map_err(|source| CredentialWarning::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|source| CredentialWarning::NotADockerConfig { path: path.to_owned(), source })
}

/// Go reads null as nothing.
fn or_null<'a, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'a>,
    D: Deserializer<'a>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Go's encoder escapes what would mean something in HTML, and two line ends of JavaScript. Outside
/// of strings JSON has none of them.
fn escaped_as_go_does(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}
