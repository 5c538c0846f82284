//! What every pod must be: one of the `restricted` Pod Security Standard, and somewhat more.

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};

use crate::bundle::{Bundle, name_of, pod};
use crate::rules::require;

pub(crate) fn check(bundle: &Bundle, broken: &mut Vec<String>) {
    for namespace in &bundle.namespaces {
        let enforced = namespace.metadata.labels.as_ref();
        let enforced = enforced.and_then(|labels| labels.get("pod-security.kubernetes.io/enforce"));
        require(enforced.is_some_and(|level| level == "restricted"), broken, || {
            format!("namespace {} does not enforce the restricted standard", name_of(&namespace.metadata))
        });
    }
    for deployment in &bundle.deployments {
        let name = name_of(&deployment.metadata);
        match pod(deployment) {
            Some(pod) => check_pod(name, pod, broken),
            None => broken.push(format!("{name} has no pod")),
        }
    }
}

fn check_pod(name: &str, pod: &PodSpec, broken: &mut Vec<String>) {
    for (what, shared) in
        [("network", pod.host_network), ("processes", pod.host_pid), ("memory", pod.host_ipc)]
    {
        require(shared != Some(true), broken, || format!("{name} shares the node's {what}"));
    }
    require(pod.automount_service_account_token == Some(false), broken, || {
        format!("{name} would hold a token for the cluster's interface")
    });
    let security = pod.security_context.as_ref();
    require(security.is_some_and(|security| security.run_as_non_root == Some(true)), broken, || {
        format!("{name} may run as root")
    });
    require(
        security.is_some_and(|security| security.run_as_user.is_some_and(|user| user > 0)),
        broken,
        || format!("{name} does not say which user it runs as"),
    );
    let seccomp = security.and_then(|security| security.seccomp_profile.as_ref());
    let filtered = |kind: &str| matches!(kind, "RuntimeDefault" | "Localhost");
    require(seccomp.is_some_and(|profile| filtered(&profile.type_)), broken, || {
        format!("{name} has no seccomp profile")
    });
    require(security.is_none_or(|security| security.sysctls.is_none()), broken, || {
        format!("{name} changes the node's settings")
    });
    for volume in pod.volumes.iter().flatten() {
        require(is_allowed(volume), broken, || {
            format!("{name}: volume {} is of no allowed kind", volume.name)
        });
    }
    require(pod.termination_grace_period_seconds != Some(0), broken, || {
        format!("{name} is killed without notice")
    });
    for container in pod.containers.iter().chain(pod.init_containers.iter().flatten()) {
        check_container(name, container, broken);
    }
}

fn check_container(pod: &str, container: &Container, broken: &mut Vec<String>) {
    let name = format!("{pod}/{}", container.name);
    let Some(security) = &container.security_context else {
        broken.push(format!("{name} has no security context"));
        return;
    };
    require(security.privileged != Some(true), broken, || format!("{name} is privileged"));
    require(security.allow_privilege_escalation == Some(false), broken, || {
        format!("{name} may gain privileges")
    });
    require(security.read_only_root_filesystem == Some(true), broken, || {
        format!("{name} may write to its root file system")
    });
    require(security.run_as_non_root != Some(false) && security.run_as_user != Some(0), broken, || {
        format!("{name} may run as root")
    });
    let seccomp = security.seccomp_profile.as_ref();
    require(seccomp.is_none_or(|profile| profile.type_ != "Unconfined"), broken, || {
        format!("{name} switches its seccomp profile off")
    });
    require(security.proc_mount.as_deref().is_none_or(|mount| mount == "Default"), broken, || {
        format!("{name} sees all of /proc")
    });
    let capabilities = security.capabilities.as_ref();
    let dropped = capabilities.and_then(|capabilities| capabilities.drop.as_ref());
    require(dropped.is_some_and(|dropped| dropped.iter().any(|one| one == "ALL")), broken, || {
        format!("{name} keeps capabilities")
    });
    let added = capabilities.and_then(|capabilities| capabilities.add.as_ref());
    require(added.is_none_or(Vec::is_empty), broken, || format!("{name} adds capabilities"));
    let ports = container.ports.iter().flatten();
    require(ports.clone().all(|port| port.host_port.is_none()), broken, || {
        format!("{name} takes a port of the node")
    });
}

fn is_allowed(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
}
