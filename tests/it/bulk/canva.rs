//! A Canva for bulks: its jobs take each as long as a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canva_simulator::{RateCounter, RateLimits};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support;

/// A Canva whose jobs take each as long as they are told, and which refuses what is above the limits.
#[derive(Clone)]
pub struct Canva(pub Arc<Mutex<Seen>>);

pub struct Seen {
    job_time: Box<dyn Fn(usize) -> Duration + Send>,
    /// When each job began.
    pub begun: Vec<Instant>,
    /// When each job was read.
    pub reads: Vec<Vec<Instant>>,
    /// How many uploads are being sent, and how many were at most.
    pub sending: (usize, usize),
    limits: Option<[RateCounter; 2]>,
    pub refused: usize,
}

impl Canva {
    /// Answers after `round_trip`.
    pub async fn start(
        limits: Option<RateLimits>,
        round_trip: Duration,
        job_time: impl Fn(usize) -> Duration + Send + 'static,
    ) -> (Self, String) {
        let seen = Seen {
            job_time: Box::new(job_time),
            begun: Vec::new(),
            reads: Vec::new(),
            sending: (0, 0),
            limits: limits.map(|limits| [30, 180].map(|a_minute| RateCounter::new(limits, a_minute))),
            refused: 0,
        };
        let canva = Self(Arc::new(Mutex::new(seen)));
        let (listener, base_url) = support::listen().await;
        let server = canva.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream, round_trip));
            }
        });
        (canva, base_url)
    }

    async fn serve(self, mut stream: TcpStream, round_trip: Duration) -> std::io::Result<()> {
        loop {
            let head = support::read_head(&mut stream).await?;
            let upload = head.text.starts_with("POST");
            if upload {
                let mut seen = self.0.lock().unwrap();
                seen.sending.0 += 1;
                seen.sending.1 = seen.sending.1.max(seen.sending.0);
            }
            support::discard_body(&mut stream, &head).await?;
            sleep(round_trip / 2).await;
            let answered = self.0.lock().unwrap().answer(&head.text, upload);
            sleep(round_trip / 2).await;
            if upload {
                self.0.lock().unwrap().sending.0 -= 1;
            }
            match answered {
                Some(body) => support::answer(&mut stream, "200 OK", "", &body).await?,
                None => support::answer(&mut stream, "429 Too Many Requests", "", "{}").await?,
            }
        }
    }

    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.0.lock().unwrap())
    }

    /// How late it was known that each job had ended, in seconds, where items were sent in order.
    pub fn late<R>(&self, begun: Instant, ended: &[(usize, R, Duration)]) -> Vec<f64> {
        self.seen(|seen| {
            let end = |key: usize| seen.begun[key] + (seen.job_time)(key);
            ended.iter().map(|(key, _, when)| (begun + *when - end(*key)).as_secs_f64()).collect()
        })
    }
}

impl Seen {
    fn answer(&mut self, head: &str, upload: bool) -> Option<String> {
        let now = Instant::now();
        if let Some(limits) = &mut self.limits
            && !limits[usize::from(!upload)].allow(now)
        {
            self.refused += 1;
            return None;
        }
        if upload {
            self.begun.push(now);
            self.reads.push(Vec::new());
            return Some(format!(r#"{{"job":{{"id":"{}","status":"in_progress"}}}}"#, self.begun.len() - 1));
        }
        let job: usize = head.split(' ').nth(1)?.rsplit('/').next()?.parse().ok()?;
        self.reads[job].push(now);
        Some(match now - self.begun[job] < (self.job_time)(job) {
            true => format!(r#"{{"job":{{"id":"{job}","status":"in_progress"}}}}"#),
            false => support::UPLOADED.replace("j1", &job.to_string()),
        })
    }
}
