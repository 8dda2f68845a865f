//! Keeps a certificate of our own: in a Secret, so that all replicas serve the same; in the `caBundle`
//! of the webhook's configuration, so that the API server trusts it; renewed before its end.
//!
//! Replicas do not talk to each other. Each looks at both objects now and then, and changes one only
//! in the version that it has seen; where another was quicker, it looks again. A look every ten
//! seconds costs two requests and, unlike a watch, no more rights than `get`.

pub mod decision;
pub mod issued;

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use chrono::Utc;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::{Client, Config};
use tracing::info;

use crate::args::Names;
use crate::log::Trouble;
use crate::tls::{Certificate, Shown};
use decision::{Bundle, Decision};
use issued::Issued;

/// How often the objects are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The longest pause while something goes wrong.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often a Secret is read again where others are quicker.
const TRIES: usize = 5;

/// How long the API server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps the certificate of one replica.
#[derive(Debug)]
pub struct Controller {
    names: Names,
    hosts: Vec<String>,
    every: Duration,
    config: Option<Config>,
}

/// The objects in the API server, and what is served of them.
struct Looking {
    secrets: Api<Secret>,
    configurations: Api<DynamicObject>,
    served: Option<Issued>,
}

/// Why a look did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("another replica was quicker")]
    Conflict,
    #[error("no API server is known: {0}; run it in a cluster, or set KUBECONFIG")]
    Unknown(String),
    #[error("cannot {0}: {1}; it is tried again, and what is served stays")]
    Api(String, String),
    #[error(
        "Secret {namespace}/{secret} was not made here (it has no annotation {}): delete it, give \
         another name with --secret, or serve it with --tls-cert and --tls-key",
        decision::OURS,
        namespace = .0.namespace,
        secret = .0.secret
    )]
    ForeignSecret(Names),
    #[error(
        "no webhook of MutatingWebhookConfiguration {configuration} calls Service \
         {namespace}/{service}: the manifest, --service or --namespace is wrong",
        configuration = .0.webhook_configuration,
        namespace = .0.namespace,
        service = .0.service
    )]
    NoWebhook(Names),
    #[error("no certificate can be made: {0}")]
    Issue(#[from] rcgen::Error),
}

impl Controller {
    /// The controller of these objects, which looks at them so often.
    pub fn new(names: Names, every: Duration) -> Self {
        let Names { service, namespace, .. } = &names;
        let host = format!("{service}.{namespace}.svc");
        let hosts = vec![host.clone(), host + ".cluster.local"];
        Self { hosts, names, every, config: None }
    }

    /// The same by this API server instead of that of the surroundings.
    pub fn by(self, config: Config) -> Self {
        Self { config: Some(config), ..self }
    }

    /// Shows a certificate that is kept in the cluster, and the next when it is time. While something
    /// goes wrong what was shown stays, and the log says why, once.
    pub async fn run(&self, shown: &Shown) -> Infallible {
        let mut trouble = Trouble::default();
        let mut looking = None;
        let shortest = self.every.min(Duration::from_secs(1));
        let mut pause = shortest;
        loop {
            match self.look(&mut looking, shown).await {
                Ok(()) => {
                    trouble.is_over("the cluster has all that the certificate needs again");
                    pause = shortest;
                    tokio::time::sleep(self.every).await;
                }
                Err(problem) => {
                    if !matches!(problem, Problem::Conflict) {
                        trouble.is(problem.to_string());
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn look(&self, looking: &mut Option<Looking>, shown: &Shown) -> Result<(), Problem> {
        let looking = match looking {
            Some(looking) => looking,
            None => looking.insert(self.begin().await?),
        };
        // In this order: who wrote the configuration knew the Secret that is read here, or an older
        // one, so that an older bundle never takes the place of a newer one.
        let configuration = looking.configurations.get(&self.names.webhook_configuration).await;
        let configuration =
            configuration.map_err(|error| Problem::of("get", &self.configuration(), error));
        let (issued, certificate) = self.issued(looking).await?;
        let bundled = match configuration {
            Ok(configuration) => self.bundle(looking, configuration, &issued.authorities).await,
            Err(problem) => Err(problem),
        };
        // A new one waits until the bundle was right when a look began: by then every API server knows
        // it. Where nothing else can be served it does not wait.
        let is_trusted = matches!(bundled, Ok(true));
        let is_new = looking.served.as_ref() != Some(&issued);
        if is_new && (is_trusted || shown.check(Utc::now()).is_err()) {
            shown.show(certificate);
            looking.served = Some(issued);
        }
        bundled.map(drop)
    }

    async fn begin(&self) -> Result<Looking, Problem> {
        let mut config = match &self.config {
            Some(config) => config.clone(),
            None => Config::infer().await.map_err(|error| Problem::Unknown(with_causes(&error)))?,
        };
        config.connect_timeout = Some(ANSWER_TIMEOUT);
        config.read_timeout = Some(ANSWER_TIMEOUT);
        config.write_timeout = Some(ANSWER_TIMEOUT);
        let client = Client::try_from(config);
        let client = client.map_err(|error| Problem::Unknown(with_causes(&error)))?;
        // Without a type, so that fields that are newer than ours survive.
        let resource = ApiResource::erase::<MutatingWebhookConfiguration>(&());
        Ok(Looking {
            secrets: Api::namespaced(client.clone(), &self.names.namespace),
            configurations: Api::all_with(client, &resource),
            served: None,
        })
    }

    /// What the Secret holds, once that is as it should be.
    async fn issued(&self, looking: &Looking) -> Result<(Issued, Certificate), Problem> {
        for _ in 0..TRIES {
            let old = looking.secrets.get_opt(&self.names.secret).await;
            let old = old.map_err(|error| Problem::of("get", &self.secret(), error))?;
            let now = Utc::now();
            let new = match decision::decide(old.as_ref(), &self.hosts, now) {
                Decision::Serve(issued, certificate) => return Ok((issued, certificate)),
                Decision::LeaveForeign => return Err(Problem::ForeignSecret(self.names.clone())),
                Decision::Create => match &looking.served {
                    Some(served) => served.clone(),
                    None => issued::issue(&self.hosts, now, None)?,
                },
                Decision::Renew { why, previous } => {
                    info!("renews the certificate: {why}");
                    issued::issue(&self.hosts, now, previous.as_deref())?
                }
            };
            self.keep(looking, &new, old).await?;
        }
        Err(Problem::Conflict)
    }

    /// Writes the Secret, unless another replica has changed it meanwhile.
    async fn keep(
        &self,
        looking: &Looking,
        issued: &Issued,
        old: Option<Secret>,
    ) -> Result<(), Problem> {
        let is_there = old.is_some();
        let secret = decision::secret(issued, &self.names, old);
        let written = if is_there {
            looking.secrets.replace(&self.names.secret, &as_us(), &secret).await
        } else {
            looking.secrets.create(&as_us(), &secret).await
        };
        match written.map_err(|error| Problem::of("write", &self.secret(), error)) {
            Ok(_) => info!("{} has a new certificate", self.secret()),
            Err(Problem::Conflict) => {}
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Makes the configuration trust these authorities; whether it did already.
    async fn bundle(
        &self,
        looking: &Looking,
        mut configuration: DynamicObject,
        authorities: &str,
    ) -> Result<bool, Problem> {
        let webhooks = &mut configuration.data["webhooks"];
        match decision::bundle(webhooks, authorities, &self.names) {
            Bundle::Right => return Ok(true),
            Bundle::NotOurs => return Err(Problem::NoWebhook(self.names.clone())),
            Bundle::Wrong(right) => *webhooks = right,
        }
        let name = &self.names.webhook_configuration;
        let written = looking.configurations.replace(name, &as_us(), &configuration).await;
        written.map_err(|error| Problem::of("update", &self.configuration(), error))?;
        info!("{} has a new caBundle", self.configuration());
        Ok(false)
    }

    fn secret(&self) -> String {
        format!("Secret {}/{}", self.names.namespace, self.names.secret)
    }

    fn configuration(&self) -> String {
        format!("MutatingWebhookConfiguration {}", self.names.webhook_configuration)
    }
}

impl Problem {
    /// What a failed request means.
    fn of(verb: &str, object: &str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 409 => Self::Conflict,
            kube::Error::Api(status) => Self::Api(format!("{verb} {object}"), status.message),
            other => Self::Api(format!("{verb} {object}"), with_causes(&other)),
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Who writes, for the `managedFields`.
fn as_us() -> PostParams {
    PostParams { field_manager: Some("holdpoint".to_owned()), ..PostParams::default() }
}
