//! What a command takes that speaks to a cluster: where it is, and what of it is meant. Every such
//! command flattens [`Reach`] into its arguments and takes its target by [`Reach::take_target`].

use std::path::PathBuf;

use clap::Args;

use crate::cluster::target::{Kind, Target};

/// Which cluster, and what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "In a cluster")]
pub struct Reach {
    /// The namespace; else that of the context
    #[arg(short = 'n', long, value_name = "NAMESPACE", value_parser = namespace)]
    pub namespace: Option<String>,
    /// Look in all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// The context of the kubeconfig; else its current one
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file; else $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Act as this user
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,
    /// Every object of the target's kind that has these labels
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = selector)]
    pub selector: Option<String>,
}

impl Reach {
    /// The first flag that was given, where any was.
    pub fn first_given(&self) -> Option<&'static str> {
        [
            (self.namespace.is_some(), "-n"),
            (self.all_namespaces, "-A"),
            (self.context.is_some(), "--context"),
            (self.kubeconfig.is_some(), "--kubeconfig"),
            (self.impersonate.is_some(), "--as"),
            (self.selector.is_some(), "-l"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }

    /// The flags for the same cluster in another command, each behind a space; the namespace is not one
    /// of them.
    pub fn way(&self) -> String {
        let kubeconfig = self.kubeconfig.as_ref().map(|path| path.display().to_string());
        let flags = [
            ("--context", self.context.as_ref()),
            ("--kubeconfig", kubeconfig.as_ref()),
            ("--as", self.impersonate.as_ref()),
        ];
        let given =
            flags.into_iter().filter_map(|(flag, value)| Some(format!(" {flag} {}", value?)));
        given.collect()
    }

    /// Takes the target off the front of what was typed, where one stands there.
    ///
    /// # Errors
    /// What looks like a target and is none, or does not go with these flags.
    pub fn take_target(&self, words: &mut Vec<String>) -> Result<Option<Target>, String> {
        let Some(first) = words.first() else { return Ok(None) };
        let target = match (Target::of(first).map_err(|error| error.to_string())?, &self.selector) {
            (Some(Target::Named(kind, name)), Some(_)) => {
                return Err(format!(
                    "{kind}/{name} and -l: a target has a name or a selector, as in `{kind} -l app=x`"
                ));
            }
            (Some(Target::Named(..)), None) if self.all_namespaces => {
                return Err(format!("{first} and -A: a name is in one namespace; give it with -n"));
            }
            (Some(target), _) => target,
            (None, selector) => match (Kind::named(first), selector) {
                (None, _) => return Ok(None),
                (Some(kind), Some(_)) => Target::Every(kind),
                (Some(kind), None) => {
                    return Err(format!(
                        "`{first}` needs a name or a selector: {kind}/NAME, or {first} -l LABELS; a \
                         reason that begins with this word is given in quotes"
                    ));
                }
            },
        };
        words.remove(0);
        Ok(Some(target))
    }
}

/// To an API server a selector without labels means every object.
fn selector(text: &str) -> Result<String, &'static str> {
    let is_blank = text.split(',').all(|label| label.trim().is_empty());
    if is_blank {
        Err("it would take every object: give LABELS, as in app=x")
    } else {
        Ok(text.to_owned())
    }
}

fn namespace(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("give a name, leave -n out for that of the context, or look in all with -A");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn taken(words: &str, reach: &Reach) -> (Result<Option<Target>, String>, String) {
        let mut words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let target = reach.take_target(&mut words);
        (target, words.join(" "))
    }

    #[test]
    fn the_first_word_is_the_target_and_the_others_stay() {
        let target = |word: &str| Ok(Some(word.parse().unwrap()));
        for (words, first, rest) in [
            ("pod/x 30m", target("pod/x"), "30m"),
            ("@latest wrong branch", target("@latest"), "wrong branch"),
            ("30m", Ok(None), "30m"),
            ("see pod/x", Ok(None), "see pod/x"),
            ("", Ok(None), ""),
        ] {
            assert_eq!(taken(words, &Reach::default()), (first, rest.to_owned()), "{words}");
        }
    }

    #[test]
    fn a_selector_goes_with_a_kind() {
        let labels = Reach { selector: Some("app=x".to_owned()), ..Reach::default() };
        assert_eq!(taken("pods why", &labels).0, Ok(Some(Target::Every(Kind::Pod))));
        assert_eq!(taken("@latest", &labels).0, Ok(Some(Target::Latest)));
        assert!(taken("pod/x", &labels).0.unwrap_err().contains("a name or a selector"));
        let refused = taken("pod x", &Reach::default()).0.unwrap_err();
        assert!(refused.contains("pod/NAME, or pod -l LABELS"), "{refused}");
    }

    #[test]
    fn a_name_is_in_one_namespace() {
        let all = Reach { all_namespaces: true, ..Reach::default() };
        assert!(taken("pod/x", &all).0.unwrap_err().contains("give it with -n"));
        assert_eq!(taken("@latest", &all).0, Ok(Some(Target::Latest)));
    }
}
