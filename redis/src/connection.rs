//! The connection to Redis that everything of a process shares.

/// A Redis that several machines share.
#[derive(Clone, Debug)]
pub struct Redis {}
