//! That what the compose file names is there, and that the programs read what they are given.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::files::{deploy, read};
use crate::programs::Interface;

fn file() -> Value {
    serde_saphyr::from_str(&read(&deploy().join("compose.yaml"))).unwrap()
}

/// What is wrong, one sentence each.
fn broken(file: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let services = file["services"].as_object().unwrap();
    for (name, service) in services {
        let image = service["image"].as_str().unwrap_or_default();
        if !image.contains(':') || image.ends_with(":latest") {
            broken.push(format!("{name} runs {image}, which is not one certain image"));
        }
        for needed in names(&service["depends_on"]) {
            if !services.contains_key(&needed) {
                broken.push(format!("{name} depends on {needed}, which is not there"));
            }
        }
        for secret in names(&service["secrets"]) {
            let path = file["secrets"][&secret]["file"].as_str().unwrap_or_default();
            if path.is_empty() || !deploy().join(path).is_file() {
                broken.push(format!("{name} needs the secret {secret}, which is not there"));
            }
        }
        for volume in names(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let is_there = match source.starts_with('.') {
                true => deploy().join(source).is_file(),
                false => file["volumes"].get(source).is_some(),
            };
            if !is_there {
                broken.push(format!("{name} mounts {source}, which is not there"));
            }
        }
        if let Some(build) = service["build"].as_object() {
            check_build(
                name,
                build["context"].as_str(),
                build["dockerfile"].as_str(),
                build["target"].as_str(),
                &mut broken,
            );
        }
        let environment: BTreeMap<&str, &str> = service["environment"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
            .collect();
        for (variable, value) in &environment {
            check_address(services, name, variable, value, &mut broken);
        }
        if let Some(Err(why)) = Interface::of_image(image) {
            broken.push(why.clone());
        }
        if let Some(Ok(program)) = Interface::of_image(image) {
            let unread = environment.keys().filter(|variable| !program.takes_variable(variable));
            broken.extend(
                unread.map(|variable| format!("{} does not read the variable {variable}", program.name)),
            );
            let command = names(&service["command"]);
            let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            if let Some(argument) = program.refused(&arguments) {
                broken.push(format!("{} does not know the argument {argument}", program.name));
            }
            for (field, value) in
                [("read_only", json!(true)), ("cap_drop", json!(["ALL"])), ("user", json!("65532:65532"))]
            {
                if service[field] != value {
                    broken.push(format!("{name} does not set {field} to {value}"));
                }
            }
            // A secret's file is told of by the path at which compose puts it.
            let told = environment.values().filter_map(|value| value.strip_prefix("/run/secrets/"));
            for secret in told {
                if !names(&service["secrets"]).iter().any(|one| one == secret) {
                    broken.push(format!("{name} is told of the secret {secret}, but does not have it"));
                }
            }
        }
    }
    broken
}

fn check_build(
    name: &str,
    context: Option<&str>,
    dockerfile: Option<&str>,
    target: Option<&str>,
    broken: &mut Vec<String>,
) {
    let path = deploy().join(context.unwrap_or_default()).join(dockerfile.unwrap_or_default());
    let text = if path.is_file() { read(&path) } else { String::new() };
    if !text.contains(&format!(" AS {}\n", target.unwrap_or_default())) {
        broken.push(format!("{name} is built from a stage that is not there"));
    }
}

/// An address is that of a service of the file.
fn check_address(
    services: &serde_json::Map<String, Value>,
    name: &str,
    variable: &str,
    value: &str,
    broken: &mut Vec<String>,
) {
    let Some((_, rest)) = value.split_once("://") else { return };
    let host = rest.split([':', '/']).next().unwrap();
    if !services.contains_key(host) {
        broken.push(format!("{variable} of {name} names {host}, which is not there"));
    }
}

/// The strings of a list, or the keys of a map.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Value::Object(fields) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn compose_file_brings_up_a_whole_fleet() {
    let file = file();
    assert_eq!(broken(&file), Vec::<String>::new());
    let services: Vec<&String> = file["services"].as_object().unwrap().keys().collect();
    assert_eq!(services.len(), 5, "{services:?}");
    assert_eq!(file["services"]["worker"]["deploy"]["replicas"], 2);
}

#[test]
fn workers_are_stopped_only_after_they_had_time_to_drain() {
    let worker = &file()["services"]["worker"];
    let seconds = |value: &Value| value.as_str().unwrap().strip_suffix('s').unwrap().parse::<u32>().unwrap();
    assert!(seconds(&worker["stop_grace_period"]) >= seconds(&worker["environment"]["ET_DRAIN_WITHIN"]) + 5);
}

#[test]
fn wrong_compose_files_are_refused() {
    #[track_caller]
    fn refused(pointer: &str, value: Value, words: &str) {
        let mut file = file();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = file.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}"));
        match parent {
            Value::Array(items) => items.push(value),
            parent => parent[key] = value,
        }
        let broken = broken(&file);
        assert!(
            broken.iter().any(|complaint| complaint.contains(words)),
            "nobody said `{words}`, but {broken:?}"
        );
    }
    refused("/services/redis/image", json!("redis"), "not one certain image");
    refused("/services/worker/depends_on/-", json!("queue"), "depends on queue");
    refused("/services/worker/secrets/-", json!("key"), "needs the secret key");
    refused("/services/redis/volumes/-", json!("nowhere:/x"), "mounts nowhere");
    refused("/services/redis/volumes/-", json!("./nowhere:/x"), "mounts ./nowhere");
    refused("/services/worker/build/target", json!("works"), "a stage that is not there");
    refused("/services/worker/environment/ET_COORDINATOR", json!("http://boss:7070"), "names boss");
    refused("/services/worker/environment/ET_SLOTZ", json!("2"), "does not read the variable ET_SLOTZ");
    refused("/services/worker/command/-", json!("--slotz"), "does not know the argument --slotz");
    refused("/services/worker/read_only", json!(false), "read_only");
    refused("/services/coordinator/cap_drop", json!([]), "cap_drop");
    refused(
        "/services/worker/environment/ET_TOKEN_FILE",
        json!("/run/secrets/other"),
        "is told of the secret other",
    );
}
