//! What the spec says of operations and lengths, as text for doc comments: no number of it is typed a second time.

include!("../generated/docs.rs");
