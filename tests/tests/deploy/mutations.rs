//! Each rule refuses a manifest that is wrong in the one way that the rule is about.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::bundle::{Bundle, documents};
use crate::files::{deploy, render};
use crate::rules;

static LOCAL: Rendered = LazyLock::new(|| overlay("local"));
static PRODUCTION: Rendered = LazyLock::new(|| overlay("production"));

/// The objects of an overlay, if kubectl is there to put it together.
type Rendered = LazyLock<Option<Vec<Value>>>;

fn overlay(name: &str) -> Option<Vec<Value>> {
    render(&deploy().join("kubernetes/overlays").join(name)).map(|text| documents(&text))
}

/// Changes one place of one object of an overlay (`null` takes it away) and expects a complaint with these words.
#[track_caller]
fn refused(overlay: &str, object: &str, pointer: &str, value: Value, words: &str) {
    let rendered = if overlay == "local" { &LOCAL } else { &PRODUCTION };
    let Some(mut documents) = LazyLock::force(rendered).clone() else { return };
    let (kind, name) = object.split_once('/').unwrap();
    let changed = documents.iter_mut().find(|document| {
        // Generated objects have a hash behind their names.
        document["kind"] == kind && document["metadata"]["name"].as_str().unwrap().starts_with(name)
    });
    change(changed.unwrap_or_else(|| panic!("there is no {object}")), pointer, value);
    let complaints = match Bundle::read(&documents) {
        Ok(bundle) => rules::broken(&bundle),
        Err(complaint) => vec![complaint],
    };
    let heard = complaints.iter().any(|complaint| complaint.contains(words));
    assert!(heard, "{object}{pointer}: nobody said `{words}`, but: {complaints:#?}");
}

fn change(object: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}"));
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(&key).expect("it was there")),
        (Value::Object(fields), value) => drop(fields.insert(key, value)),
        (Value::Array(items), Value::Null) => drop(items.remove(key.parse().unwrap())),
        (Value::Array(items), value) if key == "-" => items.push(value),
        (Value::Array(items), value) => items[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("nothing can be set in {other}"),
    }
}

const WORKER: &str = "Deployment/et-worker";
const COORDINATOR: &str = "Deployment/et-coordinator";
const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

#[track_caller]
fn worker(place: &str, field: &str, value: Value, words: &str) {
    refused("production", WORKER, &format!("{place}{field}"), value, words);
}

#[track_caller]
fn coordinator(place: &str, field: &str, value: Value, words: &str) {
    refused("production", COORDINATOR, &format!("{place}{field}"), value, words);
}

#[test]
fn misspelt_fields_are_refused() {
    worker(
        CONTAINER,
        "/resources/limitz",
        json!({}),
        "unknown fields: spec.template.spec.containers.0.resources.limitz",
    );
    worker(POD, "/terminationGracePeriodSeconds", json!("soon"), "invalid type");
    refused("production", "ScaledObject/et-worker", "/spec/cooldown", json!(1), "unknown field");
    refused(
        "production",
        COORDINATOR,
        "/apiVersion",
        json!("apps/v1beta1"),
        "nothing is known of apps/v1beta1",
    );
    refused("production", "Service/et-coordinator", "/metadata/name", json!(""), "has no name");
}

#[test]
fn pods_below_the_restricted_standard_are_refused() {
    let security = "/securityContext";
    worker(POD, "/hostNetwork", json!(true), "shares the node's network");
    worker(POD, "/hostPID", json!(true), "shares the node's processes");
    worker(POD, "/hostIPC", json!(true), "shares the node's memory");
    worker(POD, "/automountServiceAccountToken", Value::Null, "would hold a token");
    worker(POD, &format!("{security}/runAsNonRoot"), json!(false), "may run as root");
    worker(POD, &format!("{security}/runAsUser"), json!(0), "which user it runs as");
    worker(POD, &format!("{security}/seccompProfile"), Value::Null, "has no seccomp profile");
    worker(
        POD,
        &format!("{security}/seccompProfile"),
        json!({"type": "Unconfined"}),
        "has no seccomp profile",
    );
    worker(
        POD,
        &format!("{security}/sysctls"),
        json!([{"name": "a", "value": "b"}]),
        "changes the node's settings",
    );
    worker(POD, "/volumes/0", json!({"name": "x", "hostPath": {"path": "/"}}), "of no allowed kind");
    worker(POD, "/terminationGracePeriodSeconds", json!(0), "killed without notice");
    worker(CONTAINER, security, Value::Null, "has no security context");
    worker(CONTAINER, &format!("{security}/privileged"), json!(true), "is privileged");
    worker(CONTAINER, &format!("{security}/allowPrivilegeEscalation"), Value::Null, "may gain privileges");
    worker(CONTAINER, &format!("{security}/readOnlyRootFilesystem"), Value::Null, "root file system");
    worker(CONTAINER, &format!("{security}/runAsUser"), json!(0), "may run as root");
    worker(
        CONTAINER,
        &format!("{security}/seccompProfile"),
        json!({"type": "Unconfined"}),
        "switches its seccomp",
    );
    worker(CONTAINER, &format!("{security}/procMount"), json!("Unmasked"), "sees all of /proc");
    worker(CONTAINER, &format!("{security}/capabilities"), Value::Null, "keeps capabilities");
    worker(CONTAINER, &format!("{security}/capabilities/add"), json!(["SYS_ADMIN"]), "adds capabilities");
    coordinator(CONTAINER, "/ports/0/hostPort", json!(7070), "takes a port of the node");
    let level = "/metadata/labels/pod-security.kubernetes.io~1enforce";
    refused(
        "production",
        "Namespace/et",
        level,
        json!("baseline"),
        "does not enforce the restricted standard",
    );
}

#[test]
fn names_that_lead_nowhere_are_refused() {
    coordinator("/spec/selector", "/matchLabels", json!({"app": "other"}), "does not select its own pods");
    refused(
        "production",
        "Service/et-coordinator",
        "/spec/selector",
        json!({"app": "x"}),
        "stands for 0 deployments",
    );
    refused(
        "production",
        "Service/et-coordinator",
        "/spec/ports/0/targetPort",
        json!("http"),
        "which nobody opens",
    );
    for probe in ["startup", "readiness", "liveness"] {
        coordinator(CONTAINER, &format!("/{probe}Probe/grpc/port"), json!(80), &format!("the {probe} probe"));
    }
    coordinator(CONTAINER, "/args/2", json!("0.0.0.0:80"), "without saying so in its ports");
    coordinator(CONTAINER, "/args/2", json!("127.0.0.1:7070"), "where no other pod reaches it");
    worker(CONTAINER, "/volumeMounts/0", Value::Null, "has the volumes");
    worker(POD, "/volumes/0/secret/secretName", json!("unheard-of"), "needs the secret unheard-of");
    worker(CONTAINER, "/envFrom/0/configMapRef/name", json!("unheard-of"), "reads the settings unheard-of");
    worker(CONTAINER, "/envFrom/1/secretRef/name", json!("unheard-of"), "needs the secret unheard-of");
    refused(
        "local",
        "Deployment/garage",
        &format!("{POD}/volumes/1/configMap/name"),
        json!("x"),
        "mounts the settings x",
    );
    worker(POD, "/runtimeClassName", json!("unheard-of"), "no runtime class unheard-of");
    let budget = "PodDisruptionBudget/et-coordinator";
    refused("production", budget, "/spec/selector", json!({"matchLabels": {"app": "x"}}), "guards nothing");
    for most in [0, 2] {
        refused("production", budget, "/spec/maxUnavailable", json!(most), "pods go");
    }
}

#[test]
fn settings_that_no_program_reads_are_refused() {
    worker(CONTAINER, "/image", json!("registry.example.com/et/et-worker"), "not one certain image");
    worker(CONTAINER, "/image", json!("registry.example.com/et/et-worker:latest"), "not one certain image");
    worker(CONTAINER, "/args/-", json!("--slotz"), "does not know the argument --slotz");
    coordinator(CONTAINER, "/args/0", json!("serv"), "does not know the argument (no command)");
    let unread = json!({"name": "ET_SLOTZ", "value": "4"});
    worker(CONTAINER, "/env/-", unread, "does not read the variable ET_SLOTZ");
    refused(
        "production",
        "ConfigMap/et-worker",
        "/data/ET_TYPO",
        json!("1"),
        "does not read the variable ET_TYPO",
    );
    let elsewhere = json!({"name": "ET_TOKEN_FILE", "value": "/elsewhere/token"});
    worker(CONTAINER, "/env/-", elsewhere, "nothing is mounted there");
}

#[test]
fn openings_in_the_network_are_refused() {
    let workers = "NetworkPolicy/et-worker";
    let nothing = "NetworkPolicy/et-nothing";
    for (field, value) in
        [("policyTypes", json!(["Ingress"])), ("ingress", json!([{}])), ("egress", json!([{}]))]
    {
        refused("production", nothing, &format!("/spec/{field}"), value, "pods that no policy is about");
    }
    refused("production", workers, "/spec/ingress", json!([{}]), "workers let somebody in");
    refused("production", workers, "/spec/egress/-", json!({}), "every address or every port");
    let to = "/spec/egress/0/to/-";
    refused("production", workers, to, json!({"podSelector": {}}), "workers may talk to");
    refused("production", workers, to, json!({"ipBlock": {"cidr": "0.0.0.0/0"}}), "workers may talk to");
    refused("production", workers, to, json!({"namespaceSelector": {}}), "workers may talk to");
    refused("production", workers, "/spec/egress/0/ports/-", json!({"port": 22}), "workers may talk to");
    let block = "/spec/egress/0/to/0/ipBlock/cidr";
    refused("production", "NetworkPolicy/et-store", block, json!("169.254.0.0/16"), "workers may talk to");
    let redis = json!({"matchLabels": {"app.kubernetes.io/part-of": "et"}});
    refused("local", "NetworkPolicy/et-redis", "/spec/podSelector", json!({}), "workers may talk to");
    refused("local", workers, "/spec/egress/0/to/0/podSelector", redis, "workers may talk to");
}

#[test]
fn settings_that_lead_past_the_network_are_refused() {
    let settings = "ConfigMap/et-worker";
    let coordinator = |address: &str, words: &str| {
        refused("production", settings, "/data/ET_COORDINATOR", json!(address), words);
    };
    coordinator("https://et-coordinator.et.svc:7171", "where nobody listens");
    coordinator("https://coordinator.et.svc:7070", "where nobody listens");
    coordinator("https://et-coordinator:7070", "in no certain namespace");
    coordinator("https://et-coordinator.et.svc:7071", "is not let out to");
    refused(
        "production",
        settings,
        "/data/OTEL_EXPORTER_OTLP_ENDPOINT",
        json!("http://c.x.svc:4317"),
        "is not let to",
    );
    let inward = "/spec/ingress/0/from";
    refused(
        "production",
        "NetworkPolicy/et-coordinator",
        inward,
        json!([{"podSelector": {"matchLabels": {"a": "b"}}}]),
        "is not let in at",
    );
}

#[test]
fn workers_that_cannot_go_or_fit_are_refused() {
    worker(POD, "/terminationGracePeriodSeconds", json!(20), "workers drain within");
    worker(CONTAINER, "/resources/limits/memory", json!("4Gi"), "4 slots need");
    worker(CONTAINER, "/resources/limits/memory", Value::Null, "4 slots need");
    let scratch = json!({"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}});
    worker(POD, "/volumes/1", scratch, "scratch is not in memory");
    let small = json!({"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}});
    worker(POD, "/volumes/1", small, "more than scratch holds");
    worker("/spec", "/replicas", json!(3), "take it from the autoscaler");
}

#[test]
fn autoscalers_of_nothing_are_refused() {
    let keda = "ScaledObject/et-worker";
    refused("production", keda, "/spec/scaleTargetRef/name", json!("x"), "KEDA scales x");
    refused("production", keda, "/spec/minReplicaCount", json!(1), "do not go down to none");
    refused("production", keda, "/spec/triggers/0/type", json!("redis"), "KEDA asks redis");
    let setting = |name: &str, value: &str, words: &str| {
        refused("production", keda, &format!("/spec/triggers/0/metadata/{name}"), json!(value), words);
    };
    setting("shardsPerWorker", "8", "KEDA reckons with 8");
    setting("scalerAddress", "et-coordinator.et.svc:7070", "where nobody answers");
    let hpa = "HorizontalPodAutoscaler/et-worker";
    refused("local", hpa, "/spec/scaleTargetRef/name", json!("x"), "which is not there");
    refused("local", hpa, "/spec/minReplicas", json!(0), "goes from 0");
    refused("local", hpa, "/kind", json!("PodDisruptionBudget"), "nothing is known of autoscaling/v2");
    refused(
        "local",
        WORKER,
        &format!("{CONTAINER}/resources/requests/cpu"),
        Value::Null,
        "a request that is not made",
    );
}
