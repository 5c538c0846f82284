//! Kubernetes objects, read so strictly that a misspelt field is an error.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PodSpec, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) type Labels = BTreeMap<String, String>;

/// Objects that are applied together.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) services: Vec<Service>,
    pub(crate) config_maps: Vec<ConfigMap>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) policies: Vec<NetworkPolicy>,
    pub(crate) budgets: Vec<PodDisruptionBudget>,
    pub(crate) autoscalers: Vec<HorizontalPodAutoscaler>,
    pub(crate) runtime_classes: Vec<RuntimeClass>,
    pub(crate) scaled_objects: Vec<ScaledObject>,
}

impl Bundle {
    pub(crate) fn read(documents: &[Value]) -> Result<Bundle, String> {
        let mut bundle = Bundle::default();
        let mut names = BTreeSet::new();
        for document in documents {
            let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
            if name.is_empty() || !names.insert((kind, name)) {
                return Err(format!("{kind} '{name}' has no name, or stands twice"));
            }
            let add = |result: Result<(), String>| result.map_err(|why| format!("{kind} {name}: {why}"));
            add(match (version, kind) {
                ("v1", "Namespace") => strict(document).map(|object| bundle.namespaces.push(object)),
                ("apps/v1", "Deployment") => strict(document).map(|object| bundle.deployments.push(object)),
                ("v1", "Service") => strict(document).map(|object| bundle.services.push(object)),
                ("v1", "ConfigMap") => strict(document).map(|object| bundle.config_maps.push(object)),
                ("v1", "Secret") => strict(&unwrapped(document)).map(|object| bundle.secrets.push(object)),
                ("networking.k8s.io/v1", "NetworkPolicy") => {
                    strict(document).map(|object| bundle.policies.push(object))
                }
                ("policy/v1", "PodDisruptionBudget") => {
                    strict(document).map(|object| bundle.budgets.push(object))
                }
                ("autoscaling/v2", "HorizontalPodAutoscaler") => {
                    strict(document).map(|object| bundle.autoscalers.push(object))
                }
                ("node.k8s.io/v1", "RuntimeClass") => {
                    strict(document).map(|object| bundle.runtime_classes.push(object))
                }
                ("keda.sh/v1alpha1", "ScaledObject") => {
                    strict(document).map(|object| bundle.scaled_objects.push(object))
                }
                _ => Err(format!("nothing is known of {version}")),
            })?;
        }
        Ok(bundle)
    }

    pub(crate) fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| name_of(&deployment.metadata) == name)
    }

    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| name_of(&service.metadata) == name)
    }
}

/// Documents of a YAML stream.
///
/// # Panics
/// If it is none.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A secret whose data stand on one line each. kustomize breaks long ones, which Kubernetes takes and the type here
/// does not.
fn unwrapped(secret: &Value) -> Value {
    let mut secret = secret.clone();
    let data = secret.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flatten().map(|(_, value)| value) {
        if let Value::String(text) = value {
            text.retain(|character| !character.is_ascii_whitespace());
        }
    }
    secret
}

/// Refuses what the type does not know, which Kubernetes' own types ignore.
fn strict<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    let mut unknown = Vec::new();
    let object =
        serde_ignored::deserialize(document, |path| unknown.push(path.to_string().replace(".?", "")))
            .map_err(|error| error.to_string())?;
    if unknown.is_empty() { Ok(object) } else { Err(format!("unknown fields: {}", unknown.join(", "))) }
}

pub(crate) fn name_of(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// The pod that a deployment makes.
pub(crate) fn pod(deployment: &Deployment) -> Option<&PodSpec> {
    deployment.spec.template.spec.as_ref()
}

/// The labels of the pods that a deployment makes.
pub(crate) fn pod_labels(deployment: &Deployment) -> Labels {
    let metadata = deployment.spec.template.metadata.as_ref();
    metadata.and_then(|metadata| metadata.labels.clone()).unwrap_or_default()
}

/// Whether a selector matches. An empty one matches everything.
pub(crate) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let exact = selector.match_labels.iter().flatten().all(|(name, value)| labels.get(name) == Some(value));
    let expressions = selector.match_expressions.iter().flatten().all(|expression| {
        let value = labels.get(&expression.key);
        let among = value.is_some_and(|value| expression.values.iter().flatten().any(|one| one == value));
        match expression.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            operator => panic!("no such operator: {operator}"),
        }
    });
    exact && expressions
}

/// The part of KEDA's object that is used here. Its schema is not Kubernetes' own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScaledObject {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata")]
    _metadata: ObjectMeta,
    pub(crate) spec: ScaledObjectSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScaledObjectSpec {
    pub(crate) scale_target_ref: ScaleTarget,
    pub(crate) min_replica_count: u32,
    pub(crate) max_replica_count: u32,
    #[serde(rename = "pollingInterval")]
    _polling_interval: u32,
    #[serde(rename = "cooldownPeriod")]
    _cooldown_period: u32,
    #[serde(rename = "advanced")]
    _advanced: Advanced,
    pub(crate) triggers: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleTarget {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advanced {
    #[serde(rename = "horizontalPodAutoscalerConfig")]
    _horizontal_pod_autoscaler_config: AutoscalerConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoscalerConfig {
    #[serde(rename = "behavior")]
    _behavior: k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) metadata: BTreeMap<String, String>,
}
