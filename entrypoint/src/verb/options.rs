//! The flags that every verb takes, in front of its arguments or behind them (contract 2.7).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::go_duration;
use crate::os::files::absolute;

/// How a verb is to be carried out: what every verb takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The step's post file; found where it is not given.
    pub post_file: Option<PathBuf>,
    /// How long to wait for the answer.
    pub wait: Duration,
    /// Whether the answer is printed as JSON.
    pub json: bool,
    /// What stands behind the flags.
    pub arguments: Vec<String>,
    /// Whether a table is shown again whenever it changes.
    pub watch: bool,
    /// Whether help is asked for.
    pub help: bool,
}

/// How long an answer may take where nothing is said.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

impl Options {
    /// Reads what stands behind the verb.
    ///
    /// # Errors
    /// A flag that no verb takes, or a value that it cannot have.
    pub(super) fn parse(words: &[OsString]) -> Result<Self, String> {
        let mut options = Self {
            post_file: None,
            wait: DEFAULT_WAIT,
            json: false,
            arguments: Vec::new(),
            watch: false,
            help: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.to_str().ok_or_else(|| format!("{} is no text", word.display()))?;
            let Some(flag) = text.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                options.arguments.push(text.to_owned());
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            match flag {
                "h" | "help" => options.help = true,
                "watch" => options.watch = true,
                _ => options.take_value(flag, &mut words)?,
            }
        }
        Ok(options)
    }

    fn take_value<'a>(
        &mut self,
        flag: &str,
        words: &mut impl Iterator<Item = &'a OsString>,
    ) -> Result<(), String> {
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let next = words.next().and_then(|next| next.to_str());
                (flag, next.ok_or_else(|| format!("flag needs an argument: -{flag}"))?.to_owned())
            }
        };
        self.set(name, value)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match (name, value.as_str()) {
            ("post_file", _) => self.post_file = Some(absolute(value.into())),
            ("o", "json") => self.json = true,
            ("o", "table") => self.json = false,
            ("o", _) => {
                return Err(format!("-o {value:?} is no form of output; give json or table"));
            }
            ("wait", _) => {
                let wait = go_duration::parse(&value).ok().and_then(|wait| wait.to_unsigned());
                self.wait =
                    wait.ok_or_else(|| format!("-wait {value} is no duration such as 10s"))?;
            }
            _ => return Err(format!("flag provided but not defined: -{name} {value}")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Options, String> {
        Options::parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_form_of_output_is_json_or_a_table() {
        let table = [
            (&["-o", "json"][..], Ok(true)),
            (&["--o=table"], Ok(false)),
            (&["-o", "yaml"], Err("-o \"yaml\" is no form of output; give json or table")),
            (&["-o="], Err("-o \"\" is no form of output; give json or table")),
        ];
        for (words, wanted) in table {
            let json = parsed(words).map(|options| options.json);
            assert_eq!(json, wanted.map_err(str::to_owned), "{words:?}");
        }
    }
}
