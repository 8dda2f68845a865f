//! `holdpoint inject` on manifests.

use std::io::Write as _;
use std::process::Stdio;

use controller_shim::Injection;
use serde_json::json;

use crate::runner::{Finished, Home, Running};

const JOB: &str = r#"# A comment is lost.
kind: Job
apiVersion: batch/v1
metadata: {name: release}
spec:
  template:
    metadata:
      annotations:
        holdpoint.dev/inject: "true"
        holdpoint.dev/breakpoint: on-failure
    spec:
      restartPolicy: Never
      containers:
        - image: busybox
          name: build
          env: [{name: MODE, value: "0644"}]
          command:
            - sh
            - -c
            - |
              make
              make install
          volumeMounts:
            - {name: src, mountPath: /src}
      volumes:
        - name: src
          configMap: {name: src, defaultMode: 0644}
"#;

const CONFIG: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: other
data:
  z: "yes"
  a: "1"
"#;

fn inject(home: &Home, text: &str, flags: &[&str]) -> Finished {
    home.file("manifest.yaml", text);
    let words = [&["inject", "-f", "manifest.yaml"], flags].concat();
    Running::start(home.holdpoint(&words)).finish()
}

/// A pod with one step, which asks by these words.
fn pod(annotations: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {{{annotations}}}\n\
         spec:\n  restartPolicy: Never\n  containers:\n  - name: one\n    command: [\"true\"]\n{rest}"
    )
}

fn asking() -> String {
    pod("holdpoint.dev/inject: 'true'", "")
}

#[test]
fn nothing_but_the_pod_changes() {
    let home = Home::new();
    let told = inject(&home, &format!("{CONFIG}---\n{JOB}"), &["--image", "i:1"]);
    assert_eq!(told.stderr, "");
    let text = told.ended_with(0);
    let (config, job) = text.split_once("---\n").unwrap();
    assert_eq!(config, CONFIG);
    for as_it_was in [
        "kind: Job\napiVersion: batch/v1\nmetadata:\n  name: release\n",
        "        holdpoint.dev/breakpoint: on-failure\n        holdpoint.dev/injected: ",
        "      - image: busybox\n        name: build\n        env:\n        - name: MODE\n          value: \"0644\"\n",
        "        command:\n        - /tekton/bin/entrypoint\n",
        "        - name: src\n          mountPath: /src\n        - mountPath: /tekton/bin\n",
        "          defaultMode: 0644\n",
        "        - sh\n        - --\n        - -c\n        - |\n          make\n          make install\n",
        "        image: i:1\n",
    ] {
        // `--` alone could be taken for the end of a document.
        let wanted = as_it_was.replace("- --\n", "- \"--\"\n");
        assert!(job.contains(&wanted), "{wanted}: {job}");
    }
}

#[test]
fn pods_are_found_wherever_they_are() {
    let template = "{metadata: {annotations: {holdpoint.dev/inject: 'true'}}, spec: {restartPolicy: Never, \
                    containers: [{name: one, command: [sh]}]}}";
    for text in [
        asking(),
        format!("kind: PodTemplate\ntemplate: {template}"),
        format!("kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {template}}}}}}}"),
        format!(
            "kind: JobSet\nspec: {{replicatedJobs: [{{template: {{spec: {{template: {template}}}}}}}]}}"
        ),
        format!("kind: List\nitems:\n- {{kind: Job, spec: {{template: {template}}}}}"),
    ] {
        let told = inject(&Home::new(), &text, &["-o", "json"]);
        let prepared = told.json().to_string().matches("holdpoint-prepare\"").count();
        assert_eq!(prepared, 1, "{told:#?}");
    }
}

#[test]
fn where_there_is_nothing_to_inject_one_line_says_why() {
    let home = Home::new();
    let once = inject(&home, &asking(), &[]).ended_with(0);
    for (text, why) in [
        (CONFIG.to_owned(), "there is no pod in it"),
        (
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nspec:\n  podTemplate: {}\n".to_owned(),
            "Tekton makes its pods in the cluster, where the webhook injects them",
        ),
        (pod("a: b", ""), "no pod in it asks by the annotation holdpoint.dev/inject: \"true\""),
        (pod("holdpoint.dev/inject: 'false'", ""), "its pods stay as they are"),
        (
            "items:\n- metadata: {annotations: {holdpoint.dev/inject: 'true'}}\n  kind: Job\n  \
             spec: {template: {spec: {containers: []}}}\n"
                .to_owned(),
            "the annotation holdpoint.dev/inject belongs to the template of its pods",
        ),
        (once.clone(), "its pods are injected already"),
    ] {
        let told = inject(&home, &text, &[]);
        let line = format!("holdpoint: manifest.yaml: nothing to inject: {why}\n");
        assert_eq!(told.stderr, line);
        told.ended_with(0);
        let told = inject(&home, &text, &["--diff"]);
        assert_eq!(told.ended_with(0), "");
    }
    assert_eq!(inject(&home, &once, &[]).ended_with(0), once);
}

#[test]
fn a_refusal_keeps_everything_back() {
    let text = format!("{CONFIG}---\n{}---\n{}", asking(), pod("holdpoint.dev/inject: 'yes'", ""));
    for flags in [&[][..], &["--diff"]] {
        let told = inject(&Home::new(), &text, flags);
        let line = "holdpoint: manifest.yaml:20: Pod p: holdpoint.dev/inject \"yes\": \
                    it is no truth value; give true or false\n";
        assert_eq!(told.stderr, line);
        assert_eq!(told.ended_with(3), "");
    }
}

#[test]
fn a_diff_shows_what_would_change() {
    let told = inject(&Home::new(), JOB, &["--diff"]).ended_with(1);
    assert!(told.starts_with("--- manifest.yaml\n+++ manifest.yaml (injected)\n@@ "), "{told}");
    let lines = |sign: char| {
        let lines = told.lines().skip(2).filter_map(move |line| line.strip_prefix(sign));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // Some lines may have moved; none is gone.
    let (gone, come) = (lines('-'), lines('+'));
    assert!(gone.iter().all(|line| come.contains(line)), "{told}");
    assert!(told.contains("+        - /tekton/bin/entrypoint\n"), "{told}");
}

#[test]
fn warnings_are_told_with_their_place() {
    let probe = "    livenessProbe: {exec: {command: [x]}}\n";
    let told = inject(&Home::new(), &pod("holdpoint.dev/inject: 'true'", probe), &[]);
    let start = "holdpoint: manifest.yaml:1: Pod p: step `one` has a livenessProbe: ";
    assert!(told.stderr.starts_with(start), "{told:#?}");
    told.ended_with(0);
}

#[test]
fn stdin_and_json_come_out_as_they_went_in() {
    let json = json!({
        "kind": "Pod",
        "metadata": { "annotations": { "holdpoint.dev/inject": "true" } },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "a", "command": ["\u{1f600}"] }] },
    });
    for words in [&["inject"][..], &["inject", "-f", "-", "--delivery", "image-volume"]] {
        let mut command = Home::new().holdpoint(words);
        let (reader, mut writer) = std::io::pipe().unwrap();
        command.stdin(Stdio::from(reader)).current_dir("/");
        let running = Running::start(command);
        writer.write_all(json.to_string().as_bytes()).unwrap();
        drop(writer);
        let pod = running.finish().json();
        let args = pod["spec"]["containers"][0]["args"].as_array().unwrap();
        assert_eq!(args[args.len() - 2..], [json!("\u{1f600}"), json!("--")]);
        assert_eq!(pod["spec"]["initContainers"].is_array(), words.len() == 1);
    }
}

/// Each with what is in it, whatever writes it: Helm, a log of objects, an editor on Windows.
#[test]
fn documents_come_out_whole_however_they_are_parted() {
    let none = "nothing to inject: there is no pod in it";
    for (text, wanted) in [
        ("", ""),
        ("---\n", ""),
        ("---\n---\n# Source: a.yaml\n---\na: 1\n...\n---\n", "a: 1\n"),
        ("\u{feff}a: |\r\n  x\r\n  y\r\nb: 2\r\n", "a: |\n  x\n  y\nb: 2\n"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  c: 'on'\n", "a:\n  x: 1\nb:\n  c: \"on\"\n  x: 1\n"),
    ] {
        let told = inject(&Home::new(), text, &[]);
        assert!(told.stderr.ends_with(&format!("{none}\n")), "{told:#?}");
        assert_eq!(told.ended_with(0), wanted, "{text:?}");
    }
    // What it writes for several documents of JSON is read again.
    let rows = "{\"a\": \"\\ud83d\\ude00\"}\n{\"b\": 1}\n";
    let home = Home::new();
    let once = inject(&home, rows, &[]).ended_with(0);
    assert_eq!(once, "{\n  \"a\": \"\u{1f600}\"\n}\n{\n  \"b\": 1\n}\n");
    assert_eq!(inject(&home, &once, &[]).ended_with(0), once);
    assert_eq!(
        inject(&home, &once, &["-o", "yaml"]).ended_with(0),
        "a: \"\u{1f600}\"\n---\nb: 1\n"
    );
}

/// As `kubectl` takes it, so that the cluster gets the same.
#[test]
fn words_mean_what_they_meant() {
    let text = "mode: 0o644\nbits: [0b11, 0X1F, 1e3, 1_0]\ntruth: [y, Off]\ntext: [yEs, '0755', 1m, \"~\"]\n\
                time: 2001-01-01T10:00:00Z\n0644: x\non: z\n\"<<\": {a: 1}\n";
    let home = Home::new();
    let yaml = inject(&home, text, &[]).ended_with(0);
    let wanted = "mode: 0o644\nbits:\n- 0b11\n- 0X1F\n- 1e3\n- 1_0\ntruth:\n- y\n- Off\n\
                  text:\n- \"yEs\"\n- \"0755\"\n- 1m\n- \"~\"\ntime: \"2001-01-01T10:00:00Z\"\n\
                  \"420\": x\n\"true\": z\n\"<<\":\n  a: 1\n";
    assert_eq!(yaml, wanted);
    let json = inject(&home, text, &["-o", "json"]).json();
    let wanted = json!({
        "mode": 420, "bits": [3, 31, 1000, 10], "truth": [true, false],
        "text": ["yEs", "0755", "1m", "~"], "time": "2001-01-01T10:00:00Z",
        "420": "x", "true": "z", "<<": { "a": 1 },
    });
    assert_eq!(json, wanted);
}

#[test]
fn a_deployment_is_told_what_its_pods_would_need() {
    let deployment =
        JOB.replace("kind: Job", "kind: Deployment").replace("restartPolicy: Never", "hostname: h");
    let told = inject(&Home::new(), &deployment, &[]);
    assert_eq!(
        told.stderr,
        "holdpoint: manifest.yaml:7: Deployment release: holdpoint.dev/inject \"true\": the pod's \
         restartPolicy is Always, and a step runs once; set it to Never, as a Job may have it\n"
    );
    assert_eq!(told.ended_with(3), "");
}

#[test]
fn what_is_no_manifest_is_told() {
    let home = Home::new();
    for (text, told) in [
        ("a: [", "holdpoint: manifest.yaml:"),
        ("a:\n\tb: 1\n", "holdpoint: manifest.yaml:2: tabs disallowed"),
        ("{\"a\": 1}\n{", "holdpoint: manifest.yaml:2: "),
        (
            "a: !!binary aGk=\n",
            "holdpoint: manifest.yaml:1: the tag `!!binary` cannot be followed: \
             write the value as it is meant\n",
        ),
        ("a: !Ref b\n", "holdpoint: manifest.yaml:1: the tag `!Ref` cannot be followed"),
        ("a: !x {}\n", "holdpoint: manifest.yaml:1: the tag `!x` cannot be followed"),
        ("a: 1\na: 2\n", "holdpoint: manifest.yaml:2: `a` is here twice, first on line 1\n"),
    ] {
        let finished = inject(&home, text, &[]);
        assert!(finished.stderr.starts_with(told), "{finished:#?}");
        finished.ended_with(2);
    }
    home.verb(&["inject", "-f", "absent.yaml"]).ended_with(2);
    home.verb(&["inject", "--delivery", "post"]).ended_with(2);
}

/// The offline way and the webhook's way give the same pod, or the same refusal.
#[test]
fn a_pod_of_a_cluster_gives_what_the_webhook_makes_of_it() {
    let settings = controller_shim::Settings {
        image: "i:1".to_owned(),
        delivery: controller_shim::Delivery::InitContainer,
    };
    let inject =
        |text: &str, output: &str| inject(&Home::new(), text, &["--image", "i:1", "-o", output]);
    for name in holdpoint_tests::fixtures::REVIEWS {
        let Some(request) = holdpoint_tests::fixtures::review(name) else { return };
        let pod = &request["request"]["object"];
        let told = inject(&pod.to_string(), "json");
        let wanted = match controller_shim::inject(pod, &settings) {
            Injection::Injected { pod, .. } => pod,
            Injection::Untouched { .. } => pod.clone(),
            Injection::Refused(why) => {
                assert!(told.stderr.contains(&why), "{name}: {told:#?}");
                told.ended_with(3);
                continue;
            }
        };
        assert_eq!(told.json(), wanted, "{name}");
        let yaml = inject(&pod.to_string(), "yaml").ended_with(0);
        assert_eq!(inject(&yaml, "json").json(), wanted, "{name}");
    }
}
