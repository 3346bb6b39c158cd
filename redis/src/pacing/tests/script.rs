//! The script by itself: whatever processes do with their permits, no server refuses a request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use canva_simulator::{RateCounter, RateLimits};
use proptest::prelude::*;
use redis::{Connection, Script};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::server::Server;
use super::{START, with_given_time};

const WINDOW: u64 = 60_000;
const LEASE: u64 = 90_000;
const BEAT: u64 = 5_000;
const POLL: u64 = 1_000;

const COUNTERS: [RateLimits; 3] = [RateLimits::FixedWindow, RateLimits::SlidingWindow, RateLimits::TokenBucket];

/// A request: when it is asked for and by which process, how long it travels, and how it ends.
#[derive(Clone, Copy, Debug)]
struct Request {
    asked: u64,
    process: usize,
    there: u64,
    back: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Response,
    NeverSent,
    /// Its process dies with it; only its lease ends it.
    Lost,
    /// It asks, and gives up where it has to wait.
    GivenUp,
}

fn request() -> impl Strategy<Value = Request> {
    let end = prop_oneof![
        20 => Just(End::Response), 2 => Just(End::NeverSent), 1 => Just(End::Lost), 2 => Just(End::GivenUp)
    ];
    // Most are fast: then nothing but the arithmetic keeps them apart.
    let travel = || prop_oneof![4 => 0..2u64, 1 => 0..20_000u64];
    (0..240_000u64, 0..3usize, travel(), travel(), end).prop_map(|(asked, process, there, back, end)| Request {
        asked,
        process,
        there,
        back,
        end,
    })
}

/// What happens next, and to which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ends,
    Arrives,
    Beats,
    Asks,
}

struct World {
    redis: Connection,
    script: Script,
    keys: [String; 4],
    now: u64,
    /// By process: what is over, and when; and what is under way.
    finished: [Vec<(usize, u64, bool)>; 3],
    live: [BTreeSet<usize>; 3],
    /// How long ago it was asked for, and how long it is.
    pause: Option<[u64; 2]>,
}

impl World {
    fn new(redis: Connection, name: &str) -> Self {
        let keys = ["out", "back", "promised", "state"].map(|key| format!("{{{name}}}:{key}"));
        let script = Script::new(&with_given_time(include_str!("../script.lua")));
        Self { redis, script, keys, now: START, finished: Default::default(), live: Default::default(), pause: None }
    }

    fn call(&mut self, process: usize, take: Option<Value>) -> Vec<u64> {
        let now = self.now;
        let told = |(id, at, sent): (usize, u64, bool)| json!([id.to_string(), now - at, sent]);
        let mut call = json!({
            "window": WINDOW, "lease": LEASE, "step": BEAT, "turn": 5, "known": false,
            "finished": self.finished[process].drain(..).map(told).collect::<Vec<_>>(),
            "live": self.live[process].iter().map(usize::to_string).collect::<Vec<_>>(),
        });
        if let Some(take) = take {
            call["take"] = take;
        }
        if let Some(pause) = self.pause.take() {
            call["pause"] = json!(pause);
        }
        let mut script = self.script.prepare_invoke();
        self.keys.iter().for_each(|key| {
            script.key(key);
        });
        script.arg(call.to_string()).arg(now).invoke(&mut self.redis).unwrap()
    }
}

/// What a process says when it asks for a permit.
fn ask(id: &str, next: &str, limit: u32) -> Option<Value> {
    Some(json!({ "id": id, "next": next, "more": !next.is_empty(), "limit": limit, "max_wait": 300_000 }))
}

/// Sends all requests, and says how many the server refused.
fn send(redis: Connection, name: &str, limit: u32, counter: RateLimits, requests: &[Request]) -> u32 {
    let mut world = World::new(redis, name);
    let (mut counter, begun) = (RateCounter::new(counter, limit), Instant::now());
    let mut events: BTreeMap<(u64, Event, usize), ()> = BTreeMap::new();
    for (id, request) in requests.iter().enumerate() {
        events.insert((START + request.asked, Event::Asks, id), ());
    }
    let mut queues: [VecDeque<usize>; 3] = Default::default();
    let (mut over, mut refused) = (0, 0);
    // The one of each process that is asking or waiting.
    let mut first: [Option<usize>; 3] = [None; 3];
    while let Some(((now, event, id), ())) = events.pop_first() {
        world.now = now;
        let Some(request) = requests.get(id) else { continue };
        let process = request.process;
        match event {
            Event::Arrives => {
                if !counter.allow(begun + Duration::from_millis(now)) {
                    refused += 1;
                }
            }
            Event::Ends => {
                world.live[process].remove(&id);
                if request.end != End::Lost {
                    world.finished[process].push((id, now, request.end != End::NeverSent));
                }
            }
            Event::Beats => {
                if world.live[process].contains(&id) {
                    world.call(process, None);
                    events.insert((now + BEAT, Event::Beats, id), ());
                }
            }
            Event::Asks => {
                if first[process].is_some_and(|other| other != id) {
                    queues[process].push_back(id);
                    continue;
                }
                first[process] = Some(id);
                let next = queues[process].front().map(usize::to_string).unwrap_or_default();
                let reply = world.call(process, ask(&id.to_string(), &next, limit));
                match *reply {
                    [0, ref wait @ ..] => {
                        over += 1;
                        world.live[process].insert(id);
                        let (there, back) =
                            if request.end == End::NeverSent { (0, 1) } else { (request.there, request.back) };
                        if request.end != End::NeverSent {
                            events.insert((now + there, Event::Arrives, id), ());
                        }
                        events.insert((now + there + back, Event::Ends, id), ());
                        events.insert((now + BEAT, Event::Beats, id), ());
                        first[process] = queues[process].pop_front();
                        // Some give up what they were promised.
                        while let Some(next) =
                            first[process].filter(|next| requests[*next].end == End::GivenUp && !wait.is_empty())
                        {
                            over += 1;
                            world.finished[process].push((next, now, false));
                            first[process] = queues[process].pop_front();
                        }
                        if let Some(next) = first[process] {
                            events.insert((now + wait.first().unwrap_or(&0), Event::Asks, next), ());
                        }
                    }
                    [1 | 2, ..] if request.end == End::GivenUp => {
                        over += 1;
                        world.finished[process].push((id, now, false));
                        first[process] = queues[process].pop_front();
                        if let Some(next) = first[process] {
                            events.insert((now, Event::Asks, next), ());
                        }
                    }
                    [1 | 2, ref wait @ ..] => {
                        let wait = *wait.first().unwrap_or(&POLL);
                        events.insert((now + wait.max(1), Event::Asks, id), ());
                    }
                    ref reply => panic!("{reply:?}"),
                }
            }
        }
    }
    assert_eq!(over, requests.len(), "some wait for ever");
    refused
}

#[test]
fn no_server_ever_refuses_and_nobody_waits_for_ever() {
    let Some(server) = Server::start() else { return };
    let cases = AtomicUsize::new(0);
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        requests in prop::collection::vec(request(), 1..150),
        limit in 1..40u32,
        counter in prop::sample::select(COUNTERS.to_vec()),
    )| {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        prop_assert_eq!(send(server.connect(), &case.to_string(), limit, counter, &requests), 0);
    });
}

#[test]
fn processes_take_turns_however_near_they_are() {
    let Some(server) = Server::start() else { return };
    let mut world = World::new(server.connect(), "user");
    // All five permits come back at the same moment, and two processes wait for that.
    world.finished[0] = (1..=5).map(|id| (id, START, true)).collect();
    assert_eq!(world.call(0, ask("near", "next", 5)), [1, WINDOW + 1]);
    assert_eq!(world.call(1, ask("far", "", 5)), [1, WINDOW + 1]);
    world.now += WINDOW + 1;
    // The next request of the one waits until the other has had its turn.
    assert_eq!(world.call(0, ask("near", "next", 5)), [0, 5]);
    assert_eq!(world.call(1, ask("far", "", 5)), [0]);
    world.now += 5;
    assert_eq!(world.call(0, ask("next", "last", 5)), [0]);
}

#[test]
fn only_ages_count_and_a_clock_that_is_set_back_keeps_nothing_for_longer_than_a_window() {
    let Some(server) = Server::start() else { return };
    let mut world = World::new(server.connect(), "user");
    // Whatever the process's clock says, this response came 10 s ago.
    world.finished[0] = vec![(1, START - 10_000, true), (2, START - 59_000, true)];
    assert_eq!(world.call(0, ask("mine", "", 2)), [1, 1_001]);
    world.now = START - 3_000_000;
    assert_eq!(world.call(1, ask("other", "", 2)), [1, WINDOW + 1]);
    world.now += WINDOW + 1;
    assert_eq!(world.call(1, ask("other", "", 2)), [0]);
}

#[test]
fn the_pause_that_ends_last_holds_whoever_tells_it_when() {
    let Some(server) = Server::start() else { return };
    let mut world = World::new(server.connect(), "user");
    let paused = |asked: u64, elapsed: u64| [4, asked, elapsed];
    world.pause = Some([0, 25_000]);
    world.call(0, None);
    // It was told late, by a process that couldn't reach Redis, and is over.
    world.pause = Some([40_000, 30_000]);
    assert_eq!(world.call(1, ask("other", "", 2)), paused(25_000, 0));
    // Shorter, and yet later over.
    world.now += 20_000;
    world.pause = Some([0, 10_000]);
    assert_eq!(world.call(1, ask("other", "", 2)), paused(10_000, 0));

    // One doesn't wait for it. An answer to what was sent before is older than that.
    world.now += 5_000;
    let mut hurried = ask("hurried", "", 2);
    hurried.as_mut().unwrap()["max_wait"] = 0.into();
    assert_eq!(world.call(0, hurried), [0]);
    world.now += 1_000;
    world.pause = Some([2_000, 2_000]);
    assert_eq!(world.call(1, ask("other", "", 2)), paused(10_000, 6_000));
    world.pause = Some([0, 2_000]);
    assert_eq!(world.call(1, ask("other", "", 2)), paused(2_000, 0));
}

#[test]
fn whatever_others_wrote_into_redis_is_over_after_a_window() {
    let Some(server) = Server::start() else { return };
    let mut others = server.connect();
    let garbage = ["", "abc", "inf", "-inf", "nan", "-5", "1.5", "1e308", "9007199254740991", "0x10", "\0"];
    let fields = ["server", "closed", "began", "asked", "overridden", "count"];
    let state = fields.into_iter().flat_map(|field| garbage.map(|value| ("state", vec!["HSET", field, value])));
    let kinds = ["out", "back", "promised", "state"].into_iter().flat_map(|key| {
        let scores = ["inf", "-inf", "1.5"].map(|score| vec!["ZADD", score, "member"]);
        let kinds = [vec!["SET", "text"], vec!["RPUSH", "element"], vec!["HSET", "field", "value"]];
        scores.into_iter().chain(kinds).map(move |command| (key, command))
    });
    for (case, (key, command)) in state.chain(kinds).enumerate() {
        let mut world = World::new(server.connect(), &case.to_string());
        let key = world.keys.iter().find(|name| name.ends_with(key)).unwrap().clone();
        // Something is paused, out, back and promised.
        world.pause = Some([0, 1_000]);
        world.live[0].insert(1);
        world.finished[0] = vec![(2, START, true), (3, START, true)];
        world.call(0, ask("first", "next", 3));
        world.now += 1_000;
        world.call(0, ask("first", "next", 3));
        if command[0] != "HSET" || !key.ends_with("state") {
            redis::cmd("DEL").arg(&key).exec(&mut others).unwrap();
        }
        redis::cmd(command[0]).arg(&key).arg(&command[1..]).exec(&mut others).unwrap();
        // No call fails. A window after the last lease, somebody who waits for a pause of a window gets a permit.
        world.live[0].clear();
        let mut other = ask("other", "", 3);
        other.as_mut().unwrap()["max_wait"] = WINDOW.into();
        for passed in [0, 1, WINDOW] {
            world.now += passed;
            world.call(1, other.clone());
        }
        world.now += LEASE;
        assert_eq!(world.call(1, other), [0], "{key} {command:?}");
        for key in &world.keys {
            let left: i64 = redis::cmd("PTTL").arg(key).query(&mut others).unwrap();
            assert!(left != -1, "{key} never expires after {command:?}");
        }
    }
}

#[test]
fn no_pause_is_kept_for_longer_than_a_day() {
    let Some(server) = Server::start() else { return };
    let (mut world, year, day) = (World::new(server.connect(), "user"), 365 * 86_400_000, 86_400_000);
    let mut patient = ask("patient", "", 2);
    patient.as_mut().unwrap()["max_wait"] = year.into();
    world.pause = Some([0, year]);
    assert_eq!(world.call(0, patient.clone()), [4, day, 0]);
    // Others have written this, or the clock was set back.
    let () = redis::cmd("HSET")
        .arg(&world.keys[3])
        .arg(&["began", "9e15", "asked", "9e15"])
        .query(&mut world.redis)
        .unwrap();
    assert_eq!(world.call(0, patient.clone()), [4, day, 0]);
    world.now += day;
    assert_eq!(world.call(0, patient), [0]);
}
