//! How many workers there are, how large, and how they go.

use std::time::Duration;

use dataset::Limits;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::bundle::{Bundle, name_of, pod};
use crate::references::environment;
use crate::rules::require;

const WORKER: &str = "et-worker";

/// What a worker takes for itself, beside its slots.
const WORKER_BYTES: u64 = 256 << 20;

/// What a worker still has to do when it has drained: give back, and take its leave.
const AFTER_DRAINING: Duration = Duration::from_secs(5);

pub(crate) fn check(bundle: &Bundle, broken: &mut Vec<String>) {
    let Some(worker) = bundle.deployment(WORKER) else { return };
    let Some(pod) = pod(worker) else { return };
    let Some(container) = pod.containers.first() else { return };
    check_drain(bundle, pod, container, broken);
    let slots = environment(bundle, container).get("ET_SLOTS").and_then(|slots| slots.parse::<u64>().ok());
    let Some(slots) = slots else {
        broken.push("workers do not say how many slots they have".to_owned());
        return;
    };
    check_memory(pod, container, slots, broken);

    require(bundle.autoscalers.len() + bundle.scaled_objects.len() == 1, broken, || {
        "workers need exactly one autoscaler".to_owned()
    });
    require(worker.spec.replicas.is_none(), broken, || {
        "the number of workers stands in their deployment, so every update would take it from the autoscaler"
            .to_owned()
    });
    check_autoscalers(bundle, container, broken);
    check_scaled_objects(bundle, slots, broken);
}

fn check_drain(bundle: &Bundle, pod: &PodSpec, container: &Container, broken: &mut Vec<String>) {
    let drain = environment(bundle, container).get("ET_DRAIN_WITHIN").and_then(|text| seconds(text));
    let grace = pod.termination_grace_period_seconds.unwrap_or(30);
    let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
    require(drain.is_some_and(|drain| drain + AFTER_DRAINING <= grace), broken, || {
        format!("workers drain within {drain:?}, but are killed after {grace:?}")
    });
}

/// As docs/sandbox.md reckons for pods without namespaces.
fn check_memory(pod: &PodSpec, container: &Container, slots: u64, broken: &mut Vec<String>) {
    let limits = Limits::default();
    let slot = limits.memory_bytes + 2 * limits.file_bytes + limits.log_bytes;
    let needed = slots * slot + WORKER_BYTES;
    let limit = container.resources.as_ref().and_then(|resources| resources.limits.as_ref()?.get("memory"));
    let limit = limit.and_then(|quantity| bytes(&quantity.0));
    require(limit.is_some_and(|limit| limit >= needed), broken, || {
        format!("{slots} slots need {needed} bytes of memory, but the pod's limit is {limit:?}")
    });
    let scratch = pod.volumes.iter().flatten().find(|volume| volume.name == "scratch");
    let scratch = scratch.and_then(|volume| volume.empty_dir.as_ref());
    let size = scratch.and_then(|scratch| bytes(&scratch.size_limit.as_ref()?.0));
    require(scratch.is_some_and(|scratch| scratch.medium.as_deref() == Some("Memory")), broken, || {
        "scratch is not in memory".to_owned()
    });
    require(size.is_some_and(|size| size >= slots * 2 * limits.file_bytes), broken, || {
        format!("{slots} slots may write more than scratch holds, which is {size:?} bytes")
    });
}

fn check_autoscalers(bundle: &Bundle, container: &Container, broken: &mut Vec<String>) {
    for autoscaler in &bundle.autoscalers {
        let name = name_of(&autoscaler.metadata);
        let spec = &autoscaler.spec;
        let target = &spec.scale_target_ref;
        require(target.kind == "Deployment" && bundle.deployment(&target.name).is_some(), broken, || {
            format!("autoscaler {name} scales {} {}, which is not there", target.kind, target.name)
        });
        let least = spec.min_replicas.unwrap_or(1);
        require((1..=spec.max_replicas).contains(&least), broken, || {
            format!("autoscaler {name} goes from {least} to {} workers", spec.max_replicas)
        });
        let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        let measured = spec.metrics.iter().flatten().filter_map(|metric| metric.resource.as_ref());
        for resource in measured {
            let is_requested = requests.is_some_and(|requests| requests.contains_key(&resource.name));
            require(is_requested, broken, || {
                format!("autoscaler {name} measures {} against a request that is not made", resource.name)
            });
        }
    }
}

fn check_scaled_objects(bundle: &Bundle, slots: u64, broken: &mut Vec<String>) {
    for scaled in &bundle.scaled_objects {
        let spec = &scaled.spec;
        require(bundle.deployment(&spec.scale_target_ref.name).is_some(), broken, || {
            format!("KEDA scales {}, which is not there", spec.scale_target_ref.name)
        });
        require(spec.min_replica_count == 0 && spec.max_replica_count > 0, broken, || {
            "workers do not go down to none".to_owned()
        });
        for trigger in &spec.triggers {
            let setting = |name: &str| trigger.metadata.get(name).map(String::as_str).unwrap_or_default();
            require(trigger.kind == "external", broken, || {
                format!("KEDA asks {}, which no coordinator answers", trigger.kind)
            });
            require(setting("shardsPerWorker") == slots.to_string(), broken, || {
                format!(
                    "KEDA reckons with {} shards for a worker of {slots} slots",
                    setting("shardsPerWorker")
                )
            });
            let asked = setting("scalerAddress").rsplit_once(':').and_then(|(host, port)| {
                let service = bundle.service(host.strip_suffix(".et.svc")?)?;
                let port: i32 = port.parse().ok()?;
                service.spec.as_ref()?.ports.as_ref()?.iter().find(|one| one.port == port)
            });
            require(asked.is_some_and(|port| port.name.as_deref() == Some("status")), broken, || {
                format!("KEDA asks at {}, where nobody answers", setting("scalerAddress"))
            });
        }
    }
}

/// A duration as the programs take it, such as `20s`.
fn seconds(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit) = units.iter().find_map(|(unit, ms)| {
        let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
        Some((number, ms))
    })?;
    Some(Duration::from_millis(number * unit))
}

/// A quantity of memory, such as `6Gi`.
fn bytes(quantity: &str) -> Option<u64> {
    let units = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("", 1)];
    units.iter().find_map(|(unit, size)| Some(quantity.strip_suffix(unit)?.parse::<u64>().ok()? * size))
}
