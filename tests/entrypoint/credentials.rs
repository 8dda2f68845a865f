//! Credentials (1.9): what is made of mounted secrets, and where it goes.

use holdpoint_tests::{Sandbox, Step};

use crate::sandbox;

/// A sandbox with a home folder and the secrets that the tests name.
fn with_secrets() -> Sandbox {
    let sandbox = sandbox();
    sandbox.folder("home");
    for (file, content) in [
        ("one/username", "user\\one"),
        ("one/password", "p@ss:word/1"),
        ("two/username", "two"),
        ("two/password", "secret"),
        ("key/ssh-privatekey", "KEY"),
        ("key/known_hosts", "host-key"),
        ("key2/ssh-privatekey", "KEY2"),
        ("key2/known_hosts", "host-key2"),
        ("bare/ssh-privatekey", "BARE"),
        (
            "registry/.dockerconfigjson",
            r#"{"auths":{"a.io":{"auth":"json"},"b.io":{"auth":"json"}}}"#,
        ),
        ("old/.dockercfg", r#"{"a.io":{"auth":"cfg"},"c.io":{"auth":"cfg"}}"#),
    ] {
        sandbox.write(&format!("tekton/creds-secrets/{file}"), content);
    }
    sandbox
}

/// A step with these flags that leaves these files, below `/tekton/creds` and below the home folder.
fn leaving<'a>(sandbox: &'a Sandbox, flags: &[&str], files: &[(&str, &str)]) -> Step<'a> {
    let home = sandbox.path("home");
    let mut step = sandbox.step(0).flags(flags).env("HOME", home).command(["true"]);
    step = step.leaves_folder("/tekton/creds");
    for root in ["/tekton/creds", "/home"] {
        for (file, content) in files {
            let folder = file.rsplit_once('/').map(|(folder, _)| format!("{root}/{folder}"));
            step = folder.into_iter().fold(step, |step, folder| step.leaves_folder(&folder));
            step = step.leaves(&format!("{root}/{file}"), content);
        }
    }
    step
}

#[test]
fn without_flags_nothing_is_written() {
    let sandbox = with_secrets();
    sandbox.step(0).env("HOME", sandbox.path("home")).command(["true"]).run();
}

#[test]
fn basic_git_gives_a_config_and_a_line_for_each_url() {
    let config = concat!(
        "[credential]\n\thelper = store\n",
        "[credential \"https://example.com/team/app\"]\n\tusername = user\\\\one\n\tuseHttpPath = true\n",
        "[credential \"https://example.org\"]\n\tusername = two\n",
    );
    let lines = "https://two:secret@example.org\nhttps://user%5Cone:p%40ss%3Aword%2F1@example.com/team/app\n";
    let flags =
        ["-basic-git=one=https://example.com/team/app", "-basic-git=two=https://example.org"];
    let sandbox = with_secrets();
    leaving(&sandbox, &flags, &[(".gitconfig", config), (".git-credentials", lines)]).run();
}

#[test]
fn ssh_git_gives_keys_a_config_and_known_hosts() {
    let config = concat!(
        "Host example.com\n    HostName example.com\n    Port 22\n",
        "    IdentityFile …/.ssh/id_key\n    IdentityFile …/.ssh/id_bare\n",
        "Host example.org\n    HostName example.org\n    Port 2222\n    IdentityFile …/.ssh/id_key2\n",
    );
    let flags =
        ["-ssh-git=key=example.com", "-ssh-git=bare=example.com", "-ssh-git=key2=example.org:2222"];
    let sandbox = with_secrets();
    let files = [
        (".ssh/id_key", "KEY"),
        (".ssh/id_bare", "BARE"),
        (".ssh/id_key2", "KEY2"),
        (".ssh/config", config),
        (".ssh/known_hosts", "host-key\nhost-key2"),
    ];
    leaving(&sandbox, &flags, &files).run();
}

#[test]
fn ssh_git_with_a_path_gives_a_host_of_its_own_and_rewrites_urls() {
    let host = "example.com--team--app";
    let config = format!(
        "Host example.org\n    HostName example.org\n    Port 22\n    IdentityFile …/.ssh/id_bare\n\
         Host {host}\n    HostName example.com\n    Port 2222\n    IdentityFile …/.ssh/id_key\n"
    );
    let git = format!(
        "[url \"git@{host}:team/app.git\"]\n\tinsteadOf = git@example.com:team/app.git\n\
         [url \"ssh://{host}/team/app.git\"]\n\tinsteadOf = ssh://example.com:2222/team/app.git\n"
    );
    let sandbox = with_secrets();
    let files = [
        (".ssh/id_key", "KEY"),
        (".ssh/id_bare", "BARE"),
        (".ssh/config", config.as_str()),
        (".ssh/known_hosts", "host-key"),
        (".gitconfig", git.as_str()),
    ];
    let flags = ["-ssh-git=key=example.com:2222/team/app", "-ssh-git=bare=example.org"];
    leaving(&sandbox, &flags, &files).run();
}

#[test]
fn docker_secrets_are_merged_and_the_basic_ones_win() {
    let sandbox = with_secrets();
    let flags = ["-docker-cfg=old", "-docker-config=registry", "-basic-docker=two=b.io"];
    leaving(&sandbox, &flags, &[(".docker/config.json", "…")]).run();
    let config: serde_json::Value =
        serde_json::from_str(&sandbox.read("home/.docker/config.json").unwrap()).unwrap();
    let expected = serde_json::json!({"auths": {
        "a.io": {"auth": "json"},
        "b.io": {"username": "two", "password": "secret", "auth": "dHdvOnNlY3JldA==", "email": "not@val.id"},
        "c.io": {"auth": "cfg"},
    }});
    assert_eq!(config, expected);
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let sandbox = with_secrets();
    let flags =
        ["-ssh-git=bare=example.com", "-basic-docker=two=b.io", "-basic-git=two=https://b.io"];
    let files = [
        (".ssh/id_bare", "BARE"),
        (".ssh/config", "…"),
        (".docker/config.json", "…"),
        (".gitconfig", "…"),
        (".git-credentials", "…"),
    ];
    leaving(&sandbox, &flags, &files).run();
    for (file, _) in files {
        assert_eq!(sandbox.mode(&format!("tekton/creds/{file}")), 0o600, "{file}");
        assert_eq!(sandbox.mode(&format!("home/{file}")), 0o600, "home {file}");
    }
    assert_eq!(sandbox.mode("home/.ssh"), 0o700);
    assert_eq!(sandbox.mode("home/.docker"), 0o700);
}

#[test]
fn a_flag_that_cannot_be_taken_ends_the_step_with_two() {
    for flags in [
        vec!["-basic-git=one"],
        vec!["-basic-git=one=https://a=b"],
        vec!["-ssh-git=key"],
        vec!["-basic-docker=one=a=b"],
        vec!["-basic-git=one=https://a.io", "-basic-git=two=https://a.io"],
        vec!["-basic-docker=one=a.io", "-basic-docker=two=a.io"],
        vec!["-basic-git=absent=https://a.io"],
        vec!["-ssh-git=absent=a.io"],
        vec!["-basic-docker=absent=a.io"],
        vec!["-ssh-git=one=a.io"],
    ] {
        let sandbox = with_secrets();
        let running = sandbox.step(0).flags(&flags).command(["echo", "ran"]).start();
        assert_eq!(running.end(), 2, "{flags:?}");
        assert!(sandbox.has("tekton/run/0/out.err"), "{flags:?}: nobody hears of it");
    }
}

#[test]
fn a_missing_docker_secret_is_logged_and_the_step_runs() {
    for flag in ["-docker-config=absent", "-docker-cfg=absent"] {
        let sandbox = with_secrets();
        let step = sandbox.step(0).flags([flag]).env("HOME", sandbox.path("home"));
        let ran = step.command(["echo", "ran"]).stdout("ran\n").any_stderr().run();
        assert!(ran.stderr.contains("absent"), "{flag}: {:?}", ran.stderr);
    }
}

#[test]
fn what_tekton_left_in_creds_is_copied_home_without_flags() {
    let sandbox = with_secrets();
    sandbox.write("tekton/creds/.gitconfig", "[user]\n");
    sandbox.write("tekton/creds/.ssh/id_x", "KEY");
    sandbox.write("tekton/creds/other", "stays");
    let step = sandbox.step(0).env("HOME", sandbox.path("home")).command(["true"]);
    let step = step.leaves("/home/.gitconfig", "[user]\n").leaves_folder("/home/.ssh");
    step.leaves("/home/.ssh/id_x", "KEY").run();
}

#[test]
fn a_home_that_cannot_be_written_is_logged_and_the_step_runs() {
    let sandbox = with_secrets();
    sandbox.write("home-file", "no folder");
    let step =
        sandbox.step(0).flags(["-basic-docker=two=b.io"]).env("HOME", sandbox.path("home-file"));
    let step = step.leaves_folder("/tekton/creds").leaves_folder("/tekton/creds/.docker");
    let step = step.leaves_something("/tekton/creds/.docker/config.json");
    let ran = step.command(["echo", "ran"]).stdout("ran\n").any_stderr().run();
    assert!(ran.stderr.contains("home-file"), "{:?}", ran.stderr);
}
