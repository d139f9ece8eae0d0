//! Whether a namespace can be served, as `/readyz` and the log tell it.
//!
//! **What must always hold.** Nothing waits for this: a namespace without rights keeps no other one from being served, and
//! one that gets them is served without a restart, because its watch goes on asking. What is told is asked for, right by
//! right, and not guessed from the first refusal. It is asked at the start, until all is well, and again whenever a
//! request of the operator was refused; never by the clock alone.
//!
//! **What it costs.** A list of one object and a question for each right: eight small requests, once.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::{Api, ListParams, PostParams};
use runtime::backoff::Backoff;
use runtime::readiness::Part;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::resource::FlashSale;
use crate::rights::{self, Right, SERVED};

/// Pauses between two looks while something is missing.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// How long the API server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// One namespace whose sales are served.
#[derive(Debug)]
pub struct Served {
    /// Its name.
    pub namespace: String,
    part: Part,
    doubt: Notify,
}

impl Served {
    /// Not known to be well.
    #[must_use]
    pub fn new(namespace: String, part: Part) -> Self {
        Self { namespace, part, doubt: Notify::new() }
    }

    /// A request in this namespace was refused or not answered: it is looked at anew.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Looks until all is well, and again whenever it is in doubt, until `stopping`.
    pub async fn watch(&self, client: &kube::Client, stopping: CancellationToken) {
        let looks = async {
            let mut failures = 0_u32;
            loop {
                match tokio::time::timeout(ANSWER_TIMEOUT, look(client, &self.namespace)).await {
                    Ok(Ok(())) => {
                        failures = 0;
                        self.part.set_ok();
                        self.doubt.notified().await;
                        continue;
                    }
                    Ok(Err(why)) => self.part.set_failed(format!("{why}; trying again")),
                    Err(_) => self.part.set_failed("the API server does not answer; trying again"),
                }
                failures = failures.saturating_add(1);
                tokio::time::sleep(AGAIN.random_pause(failures)).await;
            }
        };
        stopping.run_until_cancelled(looks).await;
    }
}

/// Whether FlashSales are served to us there, or what is in the way.
async fn look(client: &kube::Client, namespace: &str) -> Result<(), String> {
    let api: Api<FlashSale> = Api::namespaced(client.clone(), namespace);
    // One object is enough to know; one that cannot be read is dealt with by the watch.
    let one = ListParams::default().limit(1);
    let listed = api.list_metadata(&one).await;
    match &listed {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 403 => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let why =
                "the API server does not know FlashSales: apply the CRD (sluice-operator crd | kubectl apply -f -)";
            return Err(why.to_owned());
        }
        Err(error) => return Err(format!("the API server cannot be reached: {error}")),
    }
    let missing = missing(client, namespace).await;
    if !missing.is_empty() {
        return Err(rights::told(&missing, namespace));
    }
    if listed.is_err() {
        // The grant came after the refusal; or whoever refuses is not asked by the questions, and the refusal is what
        // there is to tell.
        let refused = |refused| format!("FlashSales in {namespace} cannot be listed: {refused}");
        api.list_metadata(&one).await.map_err(refused)?;
    }
    Ok(())
}

/// Which rights we lack. Each is a question of its own, and a grant may land, or end, between two of them: what two rounds
/// in a row agree on was so at one moment, and nobody is told half of a change.
async fn missing(client: &kube::Client, namespace: &str) -> Vec<Right> {
    let mut before = Vec::new();
    loop {
        let asked = futures::future::join_all(SERVED.iter().map(|right| may(client, namespace, right))).await;
        let missing: Vec<Right> = SERVED.iter().zip(asked).filter(|(_, may)| !may).map(|(right, _)| *right).collect();
        if missing == before {
            return missing;
        }
        before = missing;
    }
}

/// Whether we have a right; also where the API server does not let us ask, as some clusters do.
async fn may(client: &kube::Client, namespace: &str, right: &Right) -> bool {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource, None),
    };
    let attributes = ResourceAttributes {
        group: Some(right.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        verb: Some(right.verb.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ResourceAttributes::default()
    };
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    match Api::all(client.clone()).create(&PostParams::default(), &question).await {
        Ok(SelfSubjectAccessReview { status: Some(SubjectAccessReviewStatus { allowed, .. }), .. }) => allowed,
        Ok(_) | Err(_) => true,
    }
}
