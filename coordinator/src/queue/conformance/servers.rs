//! Redis as it is met: flushed, restarted, guarded, many servers at once, or not there at all.

use std::time::Duration;

use super::edges::{four_shards, get, is_held};
use super::server::{Server, free_port};
use super::{EPOCH, RULES, block_on};
use crate::queue::{Depth, Home, JobRecord, QueueError, Report, WorkerId};

#[test]
fn a_redis_that_was_flushed_says_that_it_does_not_know_the_job() {
    let Some(server) = Server::start(&[]) else { return };
    block_on(async {
        let queue = Home::redis(&server.url()).await.unwrap().queue("flushed", RULES);
        four_shards(&queue).await;
        let lease = get(&queue, "a").await;
        redis::cmd("FLUSHALL").exec(&mut server.client()).unwrap();
        assert_eq!(queue.depth().await.unwrap_err(), QueueError::UnknownJob("flushed".to_owned()));
        four_shards(&queue).await;
        assert!(is_held(&queue, "a", lease).await, "what runs is adopted");
        assert!(get(&queue, "b").await.token > lease.token);
    });
}

#[test]
fn tokens_grow_although_an_old_snapshot_comes_back() {
    let Some(server) = Server::start(&[]) else { return };
    block_on(async {
        let queue = Home::redis(&server.url()).await.unwrap().queue("snapshot", RULES);
        four_shards(&queue).await;
        let snapshot = dump(&mut server.client());
        let ask = async |name: &str, now| {
            let report = Report::idle(WorkerId::new(name), 1);
            queue.reconcile(&report, now).await.unwrap().start[0].lease
        };
        let lost = ask("a", EPOCH).await;
        restore(&mut server.client(), &snapshot);
        let again = ask("b", EPOCH + Duration::from_secs(1)).await;
        assert_eq!(again.shard, lost.shard);
        assert!(again.token > lost.token);
        assert!(!is_held(&queue, "a", lost).await, "its shard is another's");
        assert!(is_held(&queue, "b", again).await);
    });
}

/// Every key with its value, as Redis writes it down.
fn dump(client: &mut redis::Connection) -> Vec<(String, Vec<u8>)> {
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(client).unwrap();
    let mut value_of = |key: &String| redis::cmd("DUMP").arg(key).query(client).unwrap();
    keys.into_iter().map(|key| (key.clone(), value_of(&key))).collect()
}

fn restore(client: &mut redis::Connection, snapshot: &[(String, Vec<u8>)]) {
    redis::cmd("FLUSHALL").exec(client).unwrap();
    for (key, value) in snapshot {
        redis::cmd("RESTORE").arg(key).arg(0).arg(value).exec(client).unwrap();
    }
}

#[test]
fn scripts_that_a_restarted_redis_forgot_are_sent_again() {
    let Some(server) = Server::start(&[]) else { return };
    block_on(async {
        let queue = Home::redis(&server.url()).await.unwrap().queue("script flush", RULES);
        four_shards(&queue).await;
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut server.client()).unwrap();
        assert_eq!(queue.depth().await.unwrap(), Depth { ready: 4, leased: 0 });
    });
}

#[test]
fn a_broken_connection_is_made_again() {
    let Some(server) = Server::start(&[]) else { return };
    block_on(async {
        let queue = Home::redis(&server.url()).await.unwrap().queue("broken", RULES);
        four_shards(&queue).await;
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut server.client()).unwrap();
        assert_eq!(queue.depth().await.unwrap(), Depth { ready: 4, leased: 0 });
    });
}

#[test]
fn users_and_passwords_are_asked_for_and_never_told() {
    let Some(server) = Server::start(&[
        "user et on >secret ~et:* -@all +@scripting +@read +@write +@connection",
        "requirepass other",
    ]) else {
        return;
    };
    let url = |user: &str| server.url() + user;
    block_on(async {
        let home = Home::redis(&url("?user=et&pass=secret")).await.unwrap();
        four_shards(&home.queue("with a password", RULES)).await;
        for user in ["?user=et&pass=wrong-secret", "?pass=wrong-secret", ""] {
            let error = Home::redis(&url(user)).await.unwrap_err();
            assert!(matches!(error, QueueError::Refused { .. }), "{error}");
            assert!(!error.to_string().contains("wrong-secret"), "{error}");
        }
    });
}

#[test]
fn a_redis_that_is_not_there_is_one_clear_sentence() {
    let error = block_on(Home::redis("redis+unix:///nowhere/redis.sock")).unwrap_err();
    assert!(matches!(error, QueueError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().starts_with("the queue at redis+unix:///nowhere/redis.sock cannot be reached: ")
    );
}

#[test]
fn a_cluster_is_a_home_too() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let (port, bus) = (free_port(), free_port());
        let lines = [format!("port {port}"), format!("cluster-port {bus}"), "cluster-enabled yes".to_owned()];
        let Some(server) = Server::start(&lines.each_ref().map(String::as_str)) else { return };
        nodes.push((server, port, bus));
    }
    // Each has a third of the keys, so jobs lie on different nodes.
    for (third, (node, ..)) in (0..).zip(&nodes) {
        let [first, last] = [third, third + 1].map(|bound: u32| bound * 16384 / 3);
        redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last - 1).exec(&mut node.client()).unwrap();
    }
    for (_, port, bus) in &nodes[1..] {
        let meet = ["127.0.0.1".to_owned(), port.to_string(), bus.to_string()];
        redis::cmd("CLUSTER").arg("MEET").arg(&meet).exec(&mut nodes[0].0.client()).unwrap();
    }
    let is_whole = |node: &Server| {
        let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut node.client()).unwrap();
        info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
    };
    while !nodes.iter().all(|(node, ..)| is_whole(node)) {
        std::thread::yield_now();
    }
    let url = format!("redis-cluster://127.0.0.1:{}", nodes[0].1);
    for job in ["a", "b", "c", "d"] {
        block_on(play_a_little(&url, job));
    }
    let has_keys = |node: &Server| redis::cmd("DBSIZE").query::<u64>(&mut node.client()).unwrap() > 0;
    assert!(nodes.iter().filter(|(node, ..)| has_keys(node)).count() > 1, "they share the work");
}

#[test]
fn the_master_that_sentinels_name_is_a_home_too() {
    let (port, master_port) = (free_port(), free_port());
    let Some(_master) = Server::start(&[&format!("port {master_port}")]) else { return };
    let monitor = format!("sentinel monitor main 127.0.0.1 {master_port} 1");
    let Some(_sentinel) = Server::start(&[&format!("port {port}"), &monitor]) else { return };
    block_on(play_a_little(&format!("redis-sentinel://127.0.0.1:{port}/main"), "a little"));
    let error = block_on(Home::redis(&format!("redis-sentinel://127.0.0.1:{port}/other"))).unwrap_err();
    assert!(matches!(error, QueueError::Unreachable { .. }), "{error}");
}

/// Uses every kind of key.
async fn play_a_little(url: &str, job: &str) {
    let home = Home::redis(url).await.unwrap();
    let queue = home.queue(job, RULES);
    four_shards(&queue).await;
    let lease = get(&queue, "a").await;
    assert!(is_held(&queue, "a", lease).await);
    assert!(queue.published(lease, &Default::default()).await.unwrap());
    assert_eq!(queue.status().await.unwrap().shards_done, 1);
    let registry = home.registry();
    assert!(registry.put(&JobRecord { id: job.to_owned(), ..JobRecord::default() }).await.unwrap());
    assert!(registry.list().await.unwrap().iter().any(|record| record.id == job));
    assert!(registry.claim(job, "a", RULES.lease, RULES.lease).await.unwrap());
}
