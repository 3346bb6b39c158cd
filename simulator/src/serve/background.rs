//! Work that goes on after a response: jobs, and reading what a client still sends.

use std::pin::Pin;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

pub struct Background(UnboundedSender<Task>);

impl Background {
    /// The receiver gets the tasks; its owner runs them.
    pub fn new() -> (Self, UnboundedReceiver<Task>) {
        let (sender, tasks) = mpsc::unbounded_channel();
        (Self(sender), tasks)
    }

    /// Runs a task until it is done or the simulator is dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Sending fails once the simulator is gone; nobody needs the task then.
        let _ = self.0.send(Box::pin(task));
    }
}
