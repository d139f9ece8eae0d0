use runtime::jetstream::{StreamCluster, StreamConfig, StreamState};
use serde_json::json;

use super::*;

fn server(name: &str) -> Server {
    Server { name: name.to_owned(), cluster: "c".to_owned(), version: "2.15.1".to_owned(), syncs: Syncs::Always }
}

fn trio() -> Vec<Server> {
    ["nats-0", "nats-1", "nats-2"].map(server).to_vec()
}

fn asked(answers: Vec<Server>) -> Servers {
    Servers::Asked { answers, failures: Vec::new() }
}

fn other(server: &str, progress: Progress) -> Replica {
    Replica { server: server.to_owned(), progress }
}

/// Led by nats-0; the other two are so far.
fn kept(first: Progress, second: Progress) -> Kept {
    Kept {
        replicas: 3,
        on_disk: true,
        cluster: "c".to_owned(),
        leader: Some("nats-0".to_owned()),
        others: vec![other("nats-1", first), other("nats-2", second)],
    }
}

fn whole() -> Kept {
    kept(Progress::Current, Progress::Current)
}

#[track_caller]
fn told(kept: &Kept, servers: &Servers) -> (String, String) {
    let known = verdict(kept, 3, RequiredSync::Always, servers).unwrap();
    (format!("{} {}", known.status, known.reason), known.message)
}

#[test]
fn three_copies_on_servers_that_sync_every_write_are_durable() {
    let (verdict, message) = told(&whole(), &asked(trio()));
    assert_eq!(verdict, "True EveryWriteSynced");
    assert_eq!(message, "3 copies, on nats-0, nats-1, nats-2; each syncs every write to its disk (nats-server 2.15.1)");
}

#[test]
fn one_server_that_syncs_later_is_named_with_its_pause_and_what_to_set() {
    let mut servers = trio();
    servers[1].syncs = Syncs::Every(Duration::from_secs(120));
    let (verdict, message) = told(&whole(), &asked(servers.clone()));
    assert_eq!(verdict, "False SyncNotAlways");
    assert!(message.contains("by nats-1 (every 120 s)") && message.contains("sync_interval: always"), "{message}");
    assert!(!message.contains("nats-0") && !message.contains("nats-2"), "{message}");
    // Whatever else is unknown: one is enough.
    servers.remove(2);
    assert_eq!(told(&whole(), &asked(servers.clone())).0, "False SyncNotAlways");
    let relaxed = verdict_of(RequiredSync::Relaxed, &asked(servers));
    assert_eq!(relaxed, "True Replicated", "the sale does not ask for it");
}

fn verdict_of(required: RequiredSync, servers: &Servers) -> String {
    let known = verdict(&whole(), 3, required, servers).unwrap();
    format!("{} {}", known.status, known.reason)
}

#[test]
fn a_server_that_was_not_asked_makes_it_unknown_and_the_message_tells_which_and_why() {
    let mut answers = trio();
    answers.remove(1);
    let why = Failure { address: "http://nats:8222 (10.0.0.2)".to_owned(), why: "Connection refused".to_owned() };
    let servers = Servers::Asked { answers, failures: vec![why] };
    let (verdict, message) = told(&whole(), &servers);
    assert_eq!(verdict, "Unknown ServerNotAnswering");
    assert!(message.contains("how nats-1 syncs"), "{message}");
    assert!(message.contains("no answer at http://nats:8222 (10.0.0.2): Connection refused"), "{message}");
    assert!(message.contains("answers came from nats-0 of cluster c, nats-2 of cluster c"), "{message}");
    let silence = told(&whole(), &asked(Vec::new()));
    assert_eq!(silence.0, "Unknown ServerNotAnswering");
    assert!(silence.1.contains("nats-0, nats-1, nats-2") && silence.1.contains("no server answered"), "{}", silence.1);
}

#[test]
fn a_long_list_of_failures_is_counted_instead_of_told() {
    let failure = |n| Failure { address: format!("http://10.0.0.{n}:8222"), why: "Connection refused".to_owned() };
    let servers = Servers::Asked { answers: Vec::new(), failures: (0..40).map(failure).collect() };
    let (_, message) = told(&whole(), &servers);
    assert!(message.contains("and 37 other addresses") && message.len() < 500, "{message}");
}

#[test]
fn nothing_configured_is_unknown_and_says_what_to_set() {
    let (verdict, message) = told(&whole(), &Servers::NotConfigured);
    assert_eq!(verdict, "Unknown NotMonitored");
    assert!(message.contains("--nats-monitor-urls"), "{message}");
    assert_eq!(super::verdict(&whole(), 3, RequiredSync::Always, &Servers::NotAskedYet), None);
}

#[test]
fn servers_of_the_same_names_in_another_cluster_prove_nothing() {
    let mut servers = trio();
    for server in &mut servers {
        server.cluster = "staging".to_owned();
    }
    let (verdict, message) = told(&whole(), &asked(servers.clone()));
    assert_eq!(verdict, "Unknown ServerNotAnswering");
    assert!(message.contains("nats-1 of cluster staging"), "{message}");
    // And theirs being wrong does not make ours wrong.
    servers[0].syncs = Syncs::Every(Duration::from_secs(120));
    servers.extend(trio());
    assert_eq!(told(&whole(), &asked(servers)).0, "True EveryWriteSynced");
}

#[test]
fn a_name_that_answers_twice_has_to_be_right_twice() {
    let mut servers = trio();
    servers.push(Server { syncs: Syncs::Every(Duration::from_secs(120)), ..server("nats-2") });
    assert_eq!(told(&whole(), &asked(servers)).0, "False SyncNotAlways");
}

#[test]
fn a_server_before_2_14_4_is_named_with_its_version() {
    for (version, verdict) in [
        ("2.14.3", "False ServerTooOld"),
        ("2.14.4-RC.1", "False ServerTooOld"),
        ("who knows", "False ServerTooOld"),
        ("2.14.4", "True EveryWriteSynced"),
        ("3.0.0", "True EveryWriteSynced"),
    ] {
        let mut servers = trio();
        version.clone_into(&mut servers[2].version);
        let (said, message) = told(&whole(), &asked(servers));
        assert_eq!(said, verdict, "{version}");
        assert!(message.contains(version), "{message}");
    }
}

#[test]
fn a_copy_that_is_not_there_is_false_and_named_whatever_the_servers_say() {
    let cases = [
        (kept(Progress::Offline, Progress::Current), "2 of 3 copies are current: nats-1 is offline"),
        (kept(Progress::Current, Progress::Silent), "2 of 3 copies are current: nats-2 was not heard of for 5 s"),
        (
            kept(Progress::Behind, Progress::Offline),
            "1 of 3 copies are current: nats-1 is more than 1000 writes behind, nats-2 is offline",
        ),
        (
            Kept { others: vec![other("nats-1", Progress::Current)], ..whole() },
            "2 of 3 copies are current: no server holds 1 of them",
        ),
    ];
    for (kept, expected) in cases {
        for servers in [asked(trio()), Servers::NotConfigured] {
            assert_eq!(told(&kept, &servers), ("False CopyMissing".to_owned(), expected.to_owned()));
        }
        let relaxed = verdict(&kept, 3, RequiredSync::Relaxed, &asked(trio())).unwrap();
        assert_eq!(relaxed.reason, "CopyMissing", "a sale that syncs later needs its copies all the more");
    }
    assert!(may_pass("CopyMissing") && !may_pass("SyncNotAlways"));
}

#[test]
fn a_stream_without_a_leader_or_with_a_new_one_is_unknown() {
    let leaderless = Kept { leader: None, ..kept(Progress::Offline, Progress::Offline) };
    assert_eq!(told(&leaderless, &asked(trio())).0, "Unknown NoLeader");
    assert_eq!(told(&kept(Progress::Unheard, Progress::Current), &asked(trio())).0, "Unknown NewLeader");
    assert!(may_pass("NoLeader") && may_pass("NewLeader"));
}

#[test]
fn one_copy_or_memory_is_false_whatever_is_asked() {
    for required in [RequiredSync::Always, RequiredSync::Relaxed] {
        let reason = |kept: &Kept, copies| verdict(kept, copies, required, &asked(trio())).unwrap().reason;
        let alone = Kept { replicas: 1, others: Vec::new(), ..whole() };
        assert_eq!(reason(&alone, 1), "SingleReplica");
        assert_eq!(reason(&alone, 3), "FewerReplicas");
        assert_eq!(reason(&Kept { on_disk: false, ..whole() }, 3), "MemoryStorage");
        assert_eq!(reason(&Kept { replicas: 5, ..whole() }, 5), "CopyMissing");
    }
}

fn info(cluster: serde_json::Value) -> StreamInfo {
    StreamInfo {
        created: "2027-03-14T08:00:00Z".parse().unwrap(),
        config: StreamConfig { num_replicas: 3, storage: "file".to_owned(), allow_atomic: true, first_seq: 1 },
        state: StreamState { first_seq: 1, last_seq: 1, messages: 1 },
        cluster: Some(serde_json::from_value::<StreamCluster>(cluster).unwrap()),
        ts: Some("2027-03-14T12:00:00Z".parse().unwrap()),
    }
}

#[test]
fn the_leaders_words_become_copies() {
    let of = |replica: serde_json::Value, leader_since: &str| {
        let cluster = json!({
            "name": "c", "leader": "nats-0", "leader_since": leader_since,
            "replicas": [{ "name": "nats-2", "current": true, "active": 100, "peer": "x" }, replica],
        });
        let kept = Kept::from(&info(cluster));
        assert_eq!((kept.leader.as_deref(), kept.cluster.as_str()), (Some("nats-0"), "c"));
        kept.others.get(1).map(|copy| copy.progress)
    };
    let old = "2027-03-14T11:00:00Z";
    let peer = |current: bool, lag: u64, active: u64| json!({ "name": "nats-1", "current": current, "lag": lag, "active": active });
    assert_eq!(of(peer(true, 0, 900_000_000), old), Some(Progress::Current));
    assert_eq!(of(peer(false, 1_000, 0), old), Some(Progress::Current), "what is on its way is not missing");
    assert_eq!(of(peer(false, 1_001, 0), old), Some(Progress::Behind));
    assert_eq!(of(peer(true, 0, 5_000_000_001), old), Some(Progress::Silent));
    assert_eq!(of(json!({ "name": "nats-1", "offline": true }), old), Some(Progress::Offline));
    assert_eq!(of(json!({ "name": "nats-1", "current": true, "pending": true }), old), None);
    assert_eq!(of(peer(false, 40_000, 0), "2027-03-14T11:59:58Z"), Some(Progress::Unheard));
    let leaderless = Kept::from(&info(json!({ "name": "c", "replicas": [{ "name": "nats-0" }] })));
    assert_eq!(leaderless.leader, None);
}
