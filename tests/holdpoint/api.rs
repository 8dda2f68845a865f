//! The tests' own API server, as the client that everybody uses sees it.

use futures_util::StreamExt as _;
use holdpoint_tests::{Api, Fault};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error, ResourceExt};
use serde_json::json;

async fn client(api: &Api) -> Client {
    let file = Kubeconfig::read_from(api.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    Client::try_from(config.unwrap()).unwrap()
}

fn map(name: &str, value: &str) -> ConfigMap {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": value}},
        "data": {"key": value},
    });
    serde_json::from_value(object).unwrap()
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> u16 {
    match answer.unwrap_err() {
        Error::Api(status) => status.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn objects_are_made_changed_and_deleted() {
    let api = Api::start();
    let maps = kube::Api::<ConfigMap>::default_namespaced(client(&api).await);
    let made = maps.create(&PostParams::default(), &map("one", "a")).await.unwrap();
    assert!(made.uid().is_some());
    assert_eq!(code(maps.create(&PostParams::default(), &map("one", "a")).await), 409);

    let change = Patch::Merge(json!({"data": {"key": "b"}}));
    let changed = maps.patch("one", &PatchParams::default(), &change).await.unwrap();
    assert_ne!(changed.resource_version(), made.resource_version());
    assert_eq!(code(maps.replace("one", &PostParams::default(), &made).await), 409);
    maps.replace("one", &PostParams::default(), &changed).await.unwrap();

    maps.delete("one", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(maps.get("one").await), 404);
}

#[tokio::test]
async fn a_list_has_what_is_selected() {
    let api = Api::start();
    let maps = kube::Api::<ConfigMap>::default_namespaced(client(&api).await);
    for (name, value) in [("two", "a"), ("one", "a"), ("three", "b")] {
        maps.create(&PostParams::default(), &map(name, value)).await.unwrap();
    }
    let listed = maps.list(&ListParams::default().labels("app=a")).await.unwrap();
    let names: Vec<_> = listed.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["one", "two"]);
    let listed = maps.list(&ListParams::default().fields("metadata.name=three")).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}

#[tokio::test]
async fn a_watch_tells_what_becomes_of_a_collection() {
    let api = Api::start();
    let pods = kube::Api::<Pod>::default_namespaced(client(&api).await);
    let pod = |name: &str, app: &str| {
        api.put(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
        }))
    };
    pod("before", "a");
    let version =
        pods.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let watched = WatchParams::default().labels("app=a");
    let mut events = pods.watch(&watched, &version).await.unwrap().boxed();
    pod("other", "b");
    pod("one", "a");
    pod("one", "b");
    api.delete("/api/v1/namespaces/default/pods/before");
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(match events.next().await.unwrap().unwrap() {
            WatchEvent::Added(pod) => format!("added {}", pod.name_any()),
            WatchEvent::Deleted(pod) => format!("deleted {}", pod.name_any()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["added one", "deleted one", "deleted before"]);

    api.compact();
    let mut events = pods.watch(&watched, &version).await.unwrap().boxed();
    let Some(Ok(WatchEvent::Error(status))) = events.next().await else { panic!("no 410") };
    assert_eq!(status.code, 410);
}

#[tokio::test]
async fn what_is_asked_goes_wrong() {
    let api = Api::start();
    let maps = kube::Api::<ConfigMap>::default_namespaced(client(&api).await);
    api.fault("GET", "configmaps/one", Fault::forbidden());
    assert_eq!(code(maps.get("one").await), 403);
    api.heal();
    assert_eq!(code(maps.get("one").await), 404);
    api.fault_times(1, "GET", "configmaps/one", Fault::Drop);
    assert!(!matches!(maps.get("one").await, Err(Error::Api(_))), "the connection was not dropped");

    api.fault("GET", "configmaps", Fault::Cut(1));
    maps.create(&PostParams::default(), &map("one", "a")).await.unwrap();
    let mut events = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))));
    assert!(!matches!(events.next().await, Some(Ok(_))), "the watch was not dropped");

    let asked: Vec<_> = api.requests().into_iter().map(|it| (it.method, it.path)).collect();
    let one = "/api/v1/namespaces/default/configmaps/one";
    assert_eq!(asked[0], ("GET".to_owned(), one.to_owned()));
}
