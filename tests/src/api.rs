//! An API server of the tests' own: it keeps the objects of any group, version and resource, answers
//! as Kubernetes does, and does wrong where a test asks it to.
//!
//! [`Api::start`] listens on 127.0.0.1; [`Api::kubeconfig`] is what points a real binary there. A test
//! puts objects with [`Api::put`], says with [`Api::fault`] which request goes wrong, and compares
//! [`Api::requests`] with what it expects. No controller acts; what runs in its pods, and what `exec`
//! runs there, is the test's own: [`Api::run_commands`].

mod change;
mod exec;
mod fault;
mod kubelet;
mod logs;
mod place;
mod query;
mod requests;
mod respond;
mod select;
mod serve;
mod store;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use exec::Exec;
pub use fault::Fault;
pub use kubelet::{Kubelet, NO_IMAGE};
pub use requests::Request;

use change::Patch;
use place::Place;
use serve::Server;

/// The API server. It goes with its last object.
#[derive(Debug)]
pub struct Api {
    server: Arc<Server>,
    address: SocketAddr,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

impl Api {
    /// One without objects, on a port of its own.
    pub fn start() -> Self {
        let server = Arc::new(Server::default());
        let (stop, stopped) = oneshot::channel();
        let (listens, address) = std::sync::mpsc::channel();
        let served = Arc::clone(&server);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                listens.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    ended = axum::serve(listener, serve::router(served)) => ended.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { server, address, folder, stop: Some(stop) }
    }

    /// Where it listens, as in `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig file whose one context, `fake`, is this server and the namespace `default`.
    pub fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        let text = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": self.url()}}],
            "users": [{"name": "tester", "user": {}}],
            "contexts": [
                {"name": "fake", "context": {"cluster": "fake", "user": "tester", "namespace": "default"}},
            ],
            "current-context": "fake",
        });
        std::fs::write(&path, text.to_string()).unwrap();
        path
    }

    /// Keeps an object as it stands, in the place of one with its name, and gives it as it is kept.
    pub fn put(&self, object: Value) -> Value {
        let place = Place::of_object(&object);
        self.server.store.put(&place, object)
    }

    /// The object at a path such as `/api/v1/namespaces/default/pods/one`.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.server.store.get(&Place::parse(path).unwrap_or_else(|| panic!("no place: {path}")))
    }

    /// Merges this into the object at a path, as a controller or a kubelet would.
    pub fn merge(&self, path: &str, change: Value) -> Value {
        let place = Place::parse(path).unwrap_or_else(|| panic!("no place: {path}"));
        let changed = self.server.store.patch(&place, &Patch::Merge(change), false);
        changed.unwrap_or_else(|problem| panic!("{path}: {problem:?}"))
    }

    /// Deletes the object at a path.
    pub fn delete(&self, path: &str) {
        let place = Place::parse(path).unwrap_or_else(|| panic!("no place: {path}"));
        self.server.store.delete(&place).unwrap_or_else(|problem| panic!("{path}: {problem:?}"));
    }

    /// Forgets what has been until now: a watch that begins at an older version is told 410.
    pub fn compact(&self) {
        self.server.store.compact();
    }

    /// From now on every request of this method whose path contains this text goes wrong.
    pub fn fault(&self, method: &str, path: &str, fault: Fault) {
        self.server.faults.add(method, path, None, fault);
    }

    /// The next so many such requests go wrong, those behind them do not.
    pub fn fault_times(&self, times: usize, method: &str, path: &str, fault: Fault) {
        self.server.faults.add(method, path, Some(times), fault);
    }

    /// No fault is left.
    pub fn heal(&self) {
        self.server.faults.clear();
    }

    /// Runs the commands of `pods/exec` from now on. Where the pod's status says that the container does
    /// not run, none is run.
    pub fn run_commands(&self, run: impl Fn(Exec) -> Result<i32, String> + Send + Sync + 'static) {
        self.server.runner.set(run);
    }

    /// Adds to the log of a container, given by namespace, pod and name.
    pub fn log(&self, container: [&str; 3], text: &str) {
        self.server.logs.add(container.map(str::to_owned), text);
    }

    /// The container has ended: who follows its log has read all.
    pub fn end_log(&self, container: [&str; 3]) {
        self.server.logs.end(container.map(str::to_owned));
    }

    /// All requests until now, in their order.
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests.all()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
