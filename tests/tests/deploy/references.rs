//! That names lead somewhere: selectors to pods, ports to ports, settings to what a program reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::bundle::{Bundle, name_of, pod, pod_labels, selects};
use crate::files::{read, repository};
use crate::programs::{Interface, value};
use crate::rules::require;

/// Secrets that are made beforehand are named there.
static OPERATIONS: LazyLock<String> = LazyLock::new(|| read(&repository().join("docs/operations.md")));

pub(crate) fn check(bundle: &Bundle, broken: &mut Vec<String>) {
    for deployment in &bundle.deployments {
        let name = name_of(&deployment.metadata);
        let selector = &deployment.spec.selector;
        let is_own = selector.match_labels.is_some() && selects(selector, &pod_labels(deployment));
        require(is_own, broken, || format!("{name} does not select its own pods"));
        let Some(pod) = pod(deployment) else { continue };
        check_volumes(bundle, name, pod, broken);
        for container in &pod.containers {
            check_ports(name, container, broken);
            check_settings(bundle, name, container, broken);
        }
    }
    check_services(bundle, broken);
    check_budgets(bundle, broken);
    for pod in bundle.deployments.iter().filter_map(pod) {
        if let Some(class) = &pod.runtime_class_name {
            let is_there = bundle.runtime_classes.iter().any(|one| name_of(&one.metadata) == class);
            require(is_there, broken, || format!("there is no runtime class {class}"));
        }
    }
}

fn check_services(bundle: &Bundle, broken: &mut Vec<String>) {
    for service in &bundle.services {
        let name = name_of(&service.metadata);
        let Some(spec) = &service.spec else { continue };
        let Some(selector) = &spec.selector else {
            broken.push(format!("service {name} selects nothing"));
            continue;
        };
        let is_behind =
            |labels: &BTreeMap<_, _>| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let behind: Vec<_> =
            bundle.deployments.iter().filter(|deployment| is_behind(&pod_labels(deployment))).collect();
        require(behind.len() == 1, broken, || {
            format!("service {name} stands for {} deployments", behind.len())
        });
        let containers =
            behind.iter().filter_map(|deployment| pod(deployment)).flat_map(|pod| &pod.containers);
        let containers: Vec<_> = containers.collect();
        for port in spec.ports.iter().flatten() {
            let target = port.target_port.clone().unwrap_or(IntOrString::Int(port.port));
            require(containers.iter().any(|container| has_port(container, &target)), broken, || {
                format!("service {name} leads to port {target:?}, which nobody opens")
            });
        }
    }
}

fn check_budgets(bundle: &Bundle, broken: &mut Vec<String>) {
    for budget in &bundle.budgets {
        let name = name_of(&budget.metadata);
        let spec = budget.spec.as_ref();
        let selector = spec.and_then(|spec| spec.selector.as_ref());
        let guarded = selector.and_then(|selector| {
            bundle.deployments.iter().find(|deployment| selects(selector, &pod_labels(deployment)))
        });
        let Some(guarded) = guarded else {
            broken.push(format!("budget {name} guards nothing"));
            continue;
        };
        let replicas = guarded.spec.replicas.unwrap_or(1);
        let count = |value: &IntOrString| match value {
            IntOrString::Int(count) => Some(*count),
            IntOrString::String(_) => None,
        };
        let may_go = match spec.map(|spec| (spec.max_unavailable.as_ref(), spec.min_available.as_ref())) {
            Some((Some(most), None)) => count(most),
            Some((None, Some(least))) => count(least).map(|least| replicas - least),
            _ => None,
        };
        require(may_go.is_some_and(|count| (1..replicas).contains(&count)), broken, || {
            format!(
                "budget {name} lets {may_go:?} of {replicas} pods go: nodes could not be drained, or all go at once"
            )
        });
    }
}

fn check_ports(deployment: &str, container: &Container, broken: &mut Vec<String>) {
    let probes = [
        ("startup", &container.startup_probe),
        ("readiness", &container.readiness_probe),
        ("liveness", &container.liveness_probe),
    ];
    for (kind, probe) in probes {
        let Some(port) = probe.as_ref().and_then(port_of) else { continue };
        require(has_port(container, &port), broken, || {
            format!("the {kind} probe of {deployment} asks at port {port:?}, which nobody opens")
        });
    }
    let arguments: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    for flag in ["--listen", "--status-listen"] {
        let Some(address) = value(&arguments, flag) else { continue };
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
        require(has_port(container, &IntOrString::Int(port)), broken, || {
            format!("{deployment} listens at {address} without saying so in its ports")
        });
        require(address.starts_with("0.0.0.0:"), broken, || {
            format!("{deployment} listens at {address}, where no other pod reaches it")
        });
    }
}

fn port_of(probe: &Probe) -> Option<IntOrString> {
    let grpc = probe.grpc.as_ref().map(|grpc| IntOrString::Int(grpc.port));
    let tcp = probe.tcp_socket.as_ref().map(|tcp| tcp.port.clone());
    grpc.or(tcp).or_else(|| probe.http_get.as_ref().map(|http| http.port.clone()))
}

fn has_port(container: &Container, wanted: &IntOrString) -> bool {
    container.ports.iter().flatten().any(|port| match wanted {
        IntOrString::Int(number) => port.container_port == *number,
        IntOrString::String(name) => port.name.as_ref() == Some(name),
    })
}

fn check_volumes(bundle: &Bundle, deployment: &str, pod: &PodSpec, broken: &mut Vec<String>) {
    let volumes: BTreeSet<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    let mounts = pod.containers.iter().flat_map(|container| container.volume_mounts.iter().flatten());
    let mounted: BTreeSet<&str> = mounts.map(|mount| mount.name.as_str()).collect();
    require(volumes == mounted, broken, || {
        format!("{deployment} has the volumes {volumes:?} and mounts {mounted:?}")
    });
    for volume in pod.volumes.iter().flatten() {
        if let Some(name) = volume.config_map.as_ref().map(|map| map.name.as_str()) {
            let is_there = bundle.config_maps.iter().any(|map| name_of(&map.metadata) == name);
            require(is_there, broken, || {
                format!("{deployment} mounts the settings {name}, which are not there")
            });
        }
        if let Some(name) = volume.secret.as_ref().and_then(|secret| secret.secret_name.as_deref()) {
            require_secret(bundle, deployment, name, broken);
        }
    }
}

fn check_settings(bundle: &Bundle, deployment: &str, container: &Container, broken: &mut Vec<String>) {
    let image = container.image.as_deref().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    require(tag.is_some_and(|tag| tag != "latest"), broken, || {
        format!("{deployment} runs {image}, which is not one certain image")
    });
    for source in container.env_from.iter().flatten() {
        if let Some(name) = source.config_map_ref.as_ref().map(|map| map.name.as_str()) {
            let is_there = bundle.config_maps.iter().any(|map| name_of(&map.metadata) == name);
            require(is_there, broken, || {
                format!("{deployment} reads the settings {name}, which are not there")
            });
        }
        if let Some(name) = source.secret_ref.as_ref().map(|secret| secret.name.as_str()) {
            require_secret(bundle, deployment, name, broken);
        }
    }
    for variable in container.env.iter().flatten() {
        let secret = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
        if let Some(secret) = secret {
            require_secret(bundle, deployment, &secret.name, broken);
        }
    }
    let program = match Interface::of_image(image) {
        Some(Ok(program)) => program,
        Some(Err(why)) => {
            broken.push(why.clone());
            return;
        }
        None => return,
    };
    let arguments: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    if let Some(argument) = program.refused(&arguments) {
        broken.push(format!("{} does not know the argument {argument}", program.name));
    }
    let environment = environment(bundle, container);
    for name in environment.keys() {
        let is_spliced = environment.values().any(|value| value.contains(&format!("$({name})")));
        require(is_spliced || program.takes_variable(name), broken, || {
            format!("{} does not read the variable {name}", program.name)
        });
    }
    // Whoever is told of a file must have it mounted.
    for (name, path) in
        environment.iter().filter(|(name, path)| name.starts_with("ET_") && path.starts_with('/'))
    {
        let mut mounts = container.volume_mounts.iter().flatten();
        require(mounts.any(|mount| path.starts_with(&format!("{}/", mount.mount_path))), broken, || {
            format!("{deployment} is told of {path} by {name}, but nothing is mounted there")
        });
    }
}

fn require_secret(bundle: &Bundle, deployment: &str, name: &str, broken: &mut Vec<String>) {
    let is_there = bundle.secrets.iter().any(|secret| name_of(&secret.metadata) == name);
    require(is_there || OPERATIONS.contains(&format!("`{name}`")), broken, || {
        format!("{deployment} needs the secret {name}, which is neither there nor in docs/operations.md")
    });
}

/// The variables of a container, as far as the bundle says; empty where a value comes from elsewhere.
pub(crate) fn environment(bundle: &Bundle, container: &Container) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let map = source.config_map_ref.as_ref();
        let map =
            map.and_then(|map| bundle.config_maps.iter().find(|one| name_of(&one.metadata) == map.name));
        variables.extend(map.into_iter().flat_map(|map| map.data.clone().unwrap_or_default()));
        let secret = source.secret_ref.as_ref();
        let secret =
            secret.and_then(|secret| bundle.secrets.iter().find(|one| name_of(&one.metadata) == secret.name));
        let data = secret.into_iter().flat_map(|secret| secret.data.iter().flatten());
        variables
            .extend(data.map(|(name, value)| (name.clone(), String::from_utf8_lossy(&value.0).into_owned())));
    }
    for variable in container.env.iter().flatten() {
        let secret = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
        let value = secret.and_then(|key| {
            let secret = bundle.secrets.iter().find(|one| name_of(&one.metadata) == key.name)?;
            Some(String::from_utf8_lossy(&secret.data.as_ref()?.get(&key.key)?.0).into_owned())
        });
        variables.insert(variable.name.clone(), variable.value.clone().or(value).unwrap_or_default());
    }
    variables
}
