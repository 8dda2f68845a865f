//! What is shown on a terminal: colours, and a table that is drawn anew.

use super::setting::{Setting, pod};
use crate::terminal::Terminal;

fn on_terminal(setting: &Setting, words: &[&str]) -> Terminal {
    Terminal::start(setting.command(words))
}

#[test]
fn each_step_has_its_own_colour() {
    let setting = Setting::new();
    setting.run(pod("one", &[], &[("build", "echo one"), ("it", "echo two")]));
    setting.codes("one");
    let mut shown = on_terminal(&setting, &["logs", "pod/one"]);
    shown.wait_for("\u{1b}[36mbuild\u{1b}[0m | one");
    shown.wait_for("\u{1b}[33mit   \u{1b}[0m | two");
    assert_eq!(shown.end(), Some(0));
}

#[test]
fn a_watched_table_is_drawn_anew() {
    let setting = Setting::held();
    let mut shown = on_terminal(&setting, &["status", "pod/one", "--watch"]);
    shown.wait_for("\u{1b}[H\u{1b}[2JSTEP ");
    shown.wait_for("held-failed");
    setting.type_in("cancel-run pod/one").ended_with(0);
    shown.wait_for("\u{1b}[H\u{1b}[2JSTEP ");
    shown.wait_for("next: holdpoint logs pod/one -n default");
    assert_eq!(shown.end(), Some(0));
}
