//! Work that goes on after the response to the request that began it: jobs, and reading what a client still sends.

use std::pin::Pin;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

pub struct Background(UnboundedSender<Task>);

impl Background {
    /// Also gives the end at which the tasks come out, for whoever is to run them.
    pub fn new() -> (Self, UnboundedReceiver<Task>) {
        let (sender, tasks) = mpsc::unbounded_channel();
        (Self(sender), tasks)
    }

    /// Runs a task that ends with the simulator at the latest.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Nobody receives once the simulator is gone, and then the task has no purpose either.
        let _ = self.0.send(Box::pin(task));
    }
}
