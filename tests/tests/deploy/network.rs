//! Who may talk to whom: workers to the coordinators, the store, the collector and names, and to nothing else; and
//! whatever a setting points to can be reached.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::bundle::{Bundle, Labels, name_of, pod, pod_labels, selects};
use crate::references::environment;
use crate::rules::require;

const WORKER: &str = "et-worker";
const COORDINATOR: &str = "et-coordinator";
/// What workers may be let to within the cluster, beside coordinators and names.
const SERVANTS: [&str; 2] = ["garage", "collector"];
/// Where clouds give out credentials to whoever asks.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

pub(crate) fn check(bundle: &Bundle, broken: &mut Vec<String>) {
    let closes_all = |policy: &NetworkPolicy| {
        let Some(spec) = &policy.spec else { return false };
        let both = ["Ingress", "Egress"];
        let types = spec.policy_types.as_deref().unwrap_or_default();
        let selects_all =
            spec.pod_selector.as_ref().is_none_or(|selector| *selector == LabelSelector::default());
        selects_all
            && both.iter().all(|kind| types.iter().any(|one| one == kind))
            && rules_in(policy).next().is_none()
            && rules_out(policy).next().is_none()
    };
    require(bundle.policies.iter().any(closes_all), broken, || {
        "the network is open to pods that no policy is about".to_owned()
    });
    check_workers(bundle, broken);
    check_ways(bundle, broken);
}

fn check_workers(bundle: &Bundle, broken: &mut Vec<String>) {
    let Some(worker) = bundle.deployment(WORKER) else {
        broken.push("there are no workers".to_owned());
        return;
    };
    let labels = pod_labels(worker);
    for rule in policies(bundle, &labels, "Ingress").flat_map(rules_in) {
        broken.push(format!("workers let somebody in: {rule:?}"));
    }
    for (peers, ports) in policies(bundle, &labels, "Egress").flat_map(rules_out) {
        require(!peers.is_empty() && !ports.is_empty(), broken, || {
            "a rule lets workers out to every address or every port".to_owned()
        });
        for peer in peers {
            require(is_allowed(peer, ports), broken, || format!("workers may talk to {peer:?} at {ports:?}"));
        }
    }
}

/// Whether it is one of those that a worker needs.
fn is_allowed(peer: &NetworkPolicyPeer, ports: &[NetworkPolicyPort]) -> bool {
    if let Some(block) = &peer.ip_block {
        return !covers(&block.cidr, METADATA)
            && !block.cidr.ends_with("/0")
            && ports.iter().all(|port| is_port(port, 443));
    }
    let app = |name: &str| {
        let mut labels = Labels::new();
        labels.insert("app.kubernetes.io/name".to_owned(), name.to_owned());
        labels.insert("k8s-app".to_owned(), name.to_owned());
        let selector = peer.pod_selector.as_ref();
        selector.is_some_and(|selector| selector.match_labels.is_some() && selects(selector, &labels))
    };
    let elsewhere = peer.namespace_selector.as_ref();
    let elsewhere = elsewhere.and_then(|selector| selector.match_labels.as_ref()?.values().next());
    match elsewhere.map(String::as_str) {
        Some("kube-system") => app("kube-dns") && ports.iter().all(|port| is_port(port, 53)),
        None if app(COORDINATOR) => ports.iter().all(|port| is_port(port, 7070)),
        None | Some("observability") => SERVANTS.iter().any(|name| app(name)),
        Some(_) => false,
    }
}

/// Each address that a program is told must be one that it can reach.
fn check_ways(bundle: &Bundle, broken: &mut Vec<String>) {
    for deployment in &bundle.deployments {
        let from = name_of(&deployment.metadata);
        let labels = pod_labels(deployment);
        for container in pod(deployment).into_iter().flat_map(|pod| &pod.containers) {
            for (variable, value) in environment(bundle, container) {
                let Some((host, port)) = address(&value) else { continue };
                let Some((name, namespace)) = host.strip_suffix(".svc").and_then(|host| host.split_once('.'))
                else {
                    broken.push(format!("{variable} of {from} names {host} in no certain namespace"));
                    continue;
                };
                if namespace != "et" {
                    let is_let =
                        policies(bundle, &labels, "Egress").flat_map(rules_out).any(|(peers, ports)| {
                            let there = |peer: &NetworkPolicyPeer| {
                                let selector = peer.namespace_selector.as_ref()?.match_labels.as_ref()?;
                                Some(selector.values().any(|one| one == namespace))
                            };
                            peers.iter().any(|peer| there(peer) == Some(true))
                                && ports.iter().any(|one| is_port(one, port))
                        });
                    require(is_let, broken, || {
                        format!("{from} is not let to {host}:{port}, which {variable} names")
                    });
                    continue;
                }
                let service = bundle.service(name);
                let Some(target) = service.and_then(|service| behind(bundle, service, port)) else {
                    broken.push(format!("{variable} of {from} names {host}:{port}, where nobody listens"));
                    continue;
                };
                require(is_let_out(bundle, &labels, &target, port), broken, || {
                    format!("{from} is not let out to {host}:{port}, which {variable} names")
                });
                require(is_let_in(bundle, &labels, &target, port), broken, || {
                    format!("{from} is not let in at {host}:{port}, which {variable} names")
                });
            }
        }
    }
}

/// Host and port of a URL; of nothing else.
fn address(value: &str) -> Option<(&str, i32)> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (host, port) = authority.rsplit('@').next()?.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// The labels of the pods that a service's port leads to.
fn behind(bundle: &Bundle, service: &Service, port: i32) -> Option<Labels> {
    let spec = service.spec.as_ref()?;
    spec.ports.iter().flatten().find(|one| one.port == port)?;
    let selector = spec.selector.as_ref()?;
    let mut pods = bundle.deployments.iter().map(pod_labels);
    pods.find(|labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

fn is_let_out(bundle: &Bundle, from: &Labels, to: &Labels, port: i32) -> bool {
    policies(bundle, from, "Egress").flat_map(rules_out).any(|(peers, ports)| {
        peers.iter().any(|peer| is_pod(peer, to)) && ports.iter().any(|one| is_port(one, port))
    })
}

fn is_let_in(bundle: &Bundle, from: &Labels, to: &Labels, port: i32) -> bool {
    policies(bundle, to, "Ingress").flat_map(rules_in).any(|(peers, ports)| {
        peers.iter().any(|peer| is_pod(peer, from)) && ports.iter().any(|one| is_port(one, port))
    })
}

/// Whether a peer is a pod of the same namespace with these labels.
fn is_pod(peer: &NetworkPolicyPeer, labels: &Labels) -> bool {
    peer.namespace_selector.is_none()
        && peer.pod_selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

fn is_port(rule: &NetworkPolicyPort, port: i32) -> bool {
    rule.end_port.is_none() && rule.port == Some(IntOrString::Int(port))
}

fn covers(cidr: &str, address: Ipv4Addr) -> bool {
    let (network, bits) = cidr.split_once('/').expect("a block has a length");
    let network: Ipv4Addr = network.parse().expect("a block is of IPv4");
    let bits: u32 = bits.parse().expect("a block has a length");
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    u32::from(network) & mask == u32::from(address) & mask
}

/// The policies that hold for a pod in one direction.
fn policies<'a>(
    bundle: &'a Bundle,
    pod: &'a Labels,
    direction: &'a str,
) -> impl Iterator<Item = &'a NetworkPolicy> {
    bundle.policies.iter().filter(move |policy| {
        let Some(spec) = &policy.spec else { return false };
        let is_meant = spec.policy_types.iter().flatten().any(|kind| kind == direction);
        is_meant && spec.pod_selector.as_ref().is_none_or(|selector| selects(selector, pod))
    })
}

type Rule<'a> = (&'a [NetworkPolicyPeer], &'a [NetworkPolicyPort]);

fn rules_out(policy: &NetworkPolicy) -> impl Iterator<Item = Rule<'_>> {
    let rules = policy.spec.iter().flat_map(|spec| spec.egress.iter().flatten());
    rules.map(|rule| (rule.to.as_deref().unwrap_or_default(), rule.ports.as_deref().unwrap_or_default()))
}

fn rules_in(policy: &NetworkPolicy) -> impl Iterator<Item = Rule<'_>> {
    let rules = policy.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
    rules.map(|rule| (rule.from.as_deref().unwrap_or_default(), rule.ports.as_deref().unwrap_or_default()))
}
