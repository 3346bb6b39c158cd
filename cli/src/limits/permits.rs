//! A permit for each request that the limits allow, and who has it: what the commands of a machine agree on. As with
//! `canva_connect::Pacing`, a permit comes back a window after the response to its request.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use canva_connect::pacing::PausedError;
use serde::{Deserialize, Serialize};

/// A command that comes no later than this after the moment that it has named keeps its turn, in milliseconds.
const GRACE: u64 = 5_000;
/// The longest pause that is kept, in milliseconds.
const DAY: u64 = 86_400_000;

/// The permits of each operation of each account.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Permits(BTreeMap<String, Lane>);

/// The permits of an operation. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lane {
    /// How long a permit is kept back after a response, in milliseconds.
    window: u64,
    /// How many requests of each command are under way.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    out: BTreeMap<String, u16>,
    /// When the permits of finished requests come back, soonest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    back: Vec<u64>,
    /// The commands that wait, in the order in which they are served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue: Vec<Turn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Turn {
    command: String,
    /// When the command looks again.
    looks_at: u64,
}

/// What a 429 asked for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pause {
    began: u64,
    /// How long, in milliseconds.
    asked: u64,
    /// A request was sent before the pause was over. Canva's answer to that request counts, even if it asks for a
    /// shorter pause.
    overridden: bool,
}

/// Why there is no permit now.
#[derive(Debug, PartialEq)]
pub enum Wait {
    Turn {
        /// When there will be one at the earliest, if that is known.
        until: Option<SystemTime>,
        look_in: Duration,
    },
    /// For longer than a request waits.
    Paused(PausedError),
}

impl Permits {
    /// The permits of an operation, with the time over which Canva counts, in milliseconds.
    pub fn lane(&mut self, name: &str, window: u64) -> &mut Lane {
        let lane = self.0.entry(name.to_owned()).or_default();
        lane.window = window;
        lane
    }

    /// Takes back what has come back by now, and forgets what is no more. What a dead command had under way may have
    /// reached Canva just now. A clock that was set back leaves times behind that are too far away: nothing comes back
    /// later than if it had happened now.
    pub fn settle(&mut self, now: u64, alive: impl Fn(&str) -> bool) {
        self.0.retain(|_, lane| {
            lane.settle(now, &alive);
            *lane != Lane { window: lane.window, ..Lane::default() }
        });
    }
}

impl Lane {
    fn settle(&mut self, now: u64, alive: impl Fn(&str) -> bool) {
        self.window = self.window.min(DAY);
        let (window, latest) = (self.window, self.back(now));
        let Self { out, back, queue, pause, .. } = self;
        out.retain(|command, count| {
            let alive = alive(command);
            if !alive {
                back.extend((0..*count).map(|_| latest));
            }
            alive && *count > 0
        });
        back.retain(|time| *time > now);
        back.iter_mut().for_each(|time| *time = latest.min(*time));
        back.sort_unstable();
        queue.retain(|turn| turn.looks_at <= now + window && turn.looks_at + GRACE >= now && alive(&turn.command));
        *pause = pause.take().filter(|pause| pause.left(now) > 0);
        if let Some(pause) = pause {
            (pause.began, pause.asked) = (pause.began.min(now), pause.asked.min(DAY));
        }
    }

    /// Takes a permit for this command, or says why there is none. Commands that wait take turns: one permit for each
    /// that is before this one is left to it.
    pub fn take(&mut self, command: &str, limit: Option<u32>, now: u64, max_wait: Duration) -> Result<(), Wait> {
        if let Some(pause) = &self.pause {
            let (asked, elapsed) = (Duration::from_millis(pause.asked), Duration::from_millis(pause.elapsed(now)));
            PausedError::check(asked, elapsed, max_wait).map_err(Wait::Paused)?;
            // A pause that was too long to wait for ends early.
            if asked <= max_wait {
                let until = pause.began + pause.asked;
                return Err(self.wait(command, Some(until), now));
            }
        }
        if let Some(limit) = limit {
            let turn = self.queue.iter().position(|turn| turn.command == command);
            let before = turn.unwrap_or(self.queue.len());
            let taken = self.out.values().map(|count| usize::from(*count)).sum::<usize>() + self.back.len();
            let free = (limit as usize).saturating_sub(taken);
            if free <= before {
                return Err(self.wait(command, self.back.get(before - free).copied(), now));
            }
            self.queue.retain(|turn| turn.command != command);
            let out = self.out.entry(command.to_owned()).or_default();
            *out = out.saturating_add(1);
        }
        if let Some(pause) = &mut self.pause {
            pause.overridden = true;
        }
        Ok(())
    }

    /// A request of this command is over.
    pub fn give_back(&mut self, command: &str, sent: bool, now: u64) {
        if let Some(count) = self.out.get_mut(command) {
            *count = count.saturating_sub(1);
        }
        if sent {
            let back = self.back(now);
            self.back.push(back);
        }
    }

    /// Canva answered 429.
    pub fn pause(&mut self, asked: Duration, now: u64) {
        let asked = u64::try_from(asked.as_millis()).unwrap_or(DAY).min(DAY);
        if self.pause.as_ref().is_none_or(|other| other.overridden || other.left(now) <= asked) {
            self.pause = Some(Pause { began: now, asked, overridden: false });
        }
    }

    /// When a permit comes back whose request is over now. Times are rounded down, so a millisecond is added.
    fn back(&self, now: u64) -> u64 {
        now + self.window + 1
    }

    /// Keeps the turn of this command.
    fn wait(&mut self, command: &str, until: Option<u64>, now: u64) -> Wait {
        // Other commands may end before the time that is known, or give a permit back unused.
        let longest = now + if until.is_some() { self.window / 12 } else { self.window / 240 }.max(1);
        let looks_at = until.map_or(longest, |until| until.min(longest));
        match self.queue.iter_mut().find(|turn| turn.command == command) {
            Some(turn) => turn.looks_at = looks_at,
            None => self.queue.push(Turn { command: command.to_owned(), looks_at }),
        }
        Wait::Turn {
            until: until.map(|until| SystemTime::UNIX_EPOCH + Duration::from_millis(until)),
            look_in: Duration::from_millis(looks_at.saturating_sub(now)),
        }
    }
}

impl Pause {
    fn elapsed(&self, now: u64) -> u64 {
        now.saturating_sub(self.began)
    }

    fn left(&self, now: u64) -> u64 {
        self.asked.saturating_sub(self.elapsed(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 60_000;
    const MAX_WAIT: Duration = Duration::from_secs(300);

    /// A limit of two requests, and commands that live until they are killed.
    #[derive(Default)]
    struct Machine {
        permits: Permits,
        killed: Vec<&'static str>,
    }

    impl Machine {
        fn at(&mut self, now: u64) -> &mut Lane {
            self.permits.settle(now, |command| !self.killed.contains(&command));
            self.permits.lane("upload", WINDOW)
        }

        /// `Err` has until when to wait, if that is known.
        fn take(&mut self, command: &str, now: u64) -> Result<(), Option<u64>> {
            match self.at(now).take(command, Some(2), now, MAX_WAIT) {
                Ok(()) => Ok(()),
                Err(Wait::Paused(_)) => Err(Some(u64::MAX)),
                Err(Wait::Turn { until, look_in }) => {
                    assert!(!look_in.is_zero() && look_in.as_millis() <= u128::from(WINDOW / 12), "{look_in:?}");
                    let since_epoch = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
                    Err(until.and_then(since_epoch).map(|time| time.as_millis() as u64))
                }
            }
        }

        fn give_back(&mut self, command: &str, sent: bool, now: u64) {
            self.at(now).give_back(command, sent, now);
        }

        fn pause(&mut self, asked: u64, now: u64) {
            self.at(now).pause(Duration::from_millis(asked), now);
        }
    }

    #[test]
    fn a_permit_comes_back_a_window_after_the_response_and_at_once_if_nothing_was_sent() {
        let mut machine = Machine::default();
        assert_eq!([machine.take("a", 0), machine.take("b", 0)], [Ok(()); 2]);
        assert_eq!(machine.take("a", 1), Err(None));
        machine.give_back("a", true, 5_000);
        assert_eq!(machine.take("a", 5_001), Err(Some(65_001)));
        machine.give_back("b", false, 5_002);
        assert_eq!(machine.take("a", 5_003), Ok(()));
        assert_eq!(machine.take("a", 65_000), Err(Some(65_001)));
        assert_eq!(machine.take("a", 65_001), Ok(()));
    }

    #[test]
    fn what_a_killed_command_had_under_way_comes_back_a_window_after_that_is_seen() {
        let mut machine = Machine::default();
        assert_eq!([machine.take("dead", 0), machine.take("a", 0)], [Ok(()); 2]);
        assert_eq!(machine.take("a", 8_999), Err(None));
        machine.killed.push("dead");
        assert_eq!(machine.take("a", 9_000), Err(Some(69_001)));
        assert_eq!(machine.take("a", 69_000), Err(Some(69_001)));
        assert_eq!(machine.take("a", 69_001), Ok(()));
    }

    #[test]
    fn commands_that_wait_take_turns_and_a_killed_one_holds_up_nobody() {
        let mut machine = Machine::default();
        (0..2).for_each(|_| assert_eq!(machine.take("a", 0), Ok(())));
        (1_000..1_002).for_each(|now| machine.give_back("a", true, now));
        assert_eq!(machine.take("b", 56_000), Err(Some(61_001)));
        assert_eq!(machine.take("a", 57_000), Err(Some(61_002)));
        // The first permit is for the other, who came first, and the second isn't.
        assert_eq!(machine.take("a", 61_001), Err(Some(61_002)));
        assert_eq!(machine.take("b", 61_001), Ok(()));
        assert_eq!(machine.take("a", 61_002), Ok(()));
        machine.give_back("a", true, 62_000);

        assert_eq!(machine.take("dead", 121_900), Err(Some(122_001)));
        assert_eq!(machine.take("a", 122_001), Err(None));
        machine.killed.push("dead");
        assert_eq!(machine.take("a", 122_001), Ok(()));
    }

    #[test]
    fn a_command_that_does_not_come_in_time_loses_its_turn() {
        let mut machine = Machine::default();
        (0..2).for_each(|_| assert_eq!(machine.take("a", 0), Ok(())));
        machine.give_back("a", true, 0);
        assert_eq!(machine.take("suspended", 60_000), Err(Some(60_001)));
        assert_eq!(machine.take("b", 60_001 + GRACE), Err(None));
        assert_eq!(machine.take("b", 60_002 + GRACE), Ok(()));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_for_longer_than_a_window() {
        let mut machine = Machine::default();
        (0..2).for_each(|_| assert_eq!(machine.take("a", 9_000_000), Ok(())));
        (0..2).for_each(|_| machine.give_back("a", true, 9_000_000));
        assert_eq!(machine.take("b", 9_000_000), Err(Some(9_060_001)));
        assert_eq!(machine.take("a", 1_000), Err(Some(61_001)));
        assert_eq!(machine.take("a", 30_000), Err(Some(61_001)));
        assert_eq!(machine.take("a", 61_001), Ok(()));
        machine.pause(5_000, 9_000_000);
        assert_eq!(machine.take("a", 70_000), Err(Some(75_000)));
        assert_eq!(machine.take("a", 75_000), Ok(()));
    }

    #[test]
    fn a_pause_holds_for_all_and_requests_fail_instead_of_waiting_for_a_longer_one() {
        let mut machine = Machine::default();
        machine.pause(10_000, 0);
        // A shorter one doesn't end it.
        machine.pause(1_000, 1_000);
        assert_eq!([machine.take("a", 2_000), machine.take("b", 9_999)], [Err(Some(10_000)); 2]);
        assert_eq!(machine.take("a", 10_000), Ok(()));
        machine.give_back("a", true, 10_000);

        machine.pause(u64::MAX, 20_000);
        let refused = machine.at(30_000).take("b", Some(2), 30_000, MAX_WAIT);
        assert!(matches!(refused, Err(Wait::Paused(error)) if error.retry_after == MAX_WAIT - Duration::from_secs(10)));
        assert_eq!(machine.take("b", 320_000), Ok(()));
        // What Canva answers to that request counts.
        machine.pause(1_000, 330_000);
        assert_eq!(machine.take("b", 331_000), Ok(()));
    }

    #[test]
    fn what_is_over_is_forgotten_and_no_number_is_too_large() -> serde_json::Result<()> {
        let mut machine = Machine::default();
        assert_eq!(machine.take("a", 0), Ok(()));
        machine.give_back("a", true, 0);
        machine.pause(1_000, 0);
        machine.permits.settle(WINDOW + 1, |_| true);
        assert_eq!(machine.permits, Permits::default());

        let most = u64::MAX;
        let foreign = format!(
            r#"{{"upload": {{"window": {most}, "out": {{"dead": 9}}, "back": [{most}], "queue": [{{"command": "b", "looks_at": {most}}}],
                "pause": {{"began": {most}, "asked": {most}, "overridden": true}}}}}}"#
        );
        machine.killed.push("dead");
        machine.permits = serde_json::from_str(&foreign)?;
        machine.pause(0, 1_000);
        assert_eq!(machine.take("a", 1_000), Err(Some(61_001)));
        assert_eq!(machine.take("a", 61_001), Ok(()));
        Ok(())
    }
}
