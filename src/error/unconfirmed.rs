//! What may be in Canva although its request failed: what to look for, and how a look-up can end without it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::text::shown;

/// An upload or import whose outcome is unknown, as it can be looked up with
/// [`Client::look_up_all`](crate::Client::look_up_all): what it was to be called, and when it was sent.
///
/// It can be stored, and looked up by another process.
///
/// ```
/// use canva_connect::Unconfirmed;
///
/// let stored = r#"{"kind":"image","name":"photo.png","began":1785513600,"complete":1785513602}"#;
/// let unconfirmed: Unconfirmed = serde_json::from_str(stored)?;
/// assert_eq!(serde_json::to_string(&unconfirmed)?, stored);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unconfirmed {
    /// What it was to become.
    pub kind: UnconfirmedKind,
    /// The name or title that it was sent with.
    pub name: String,
    /// The folder that the asset was to be moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_id: Option<String>,
    /// When the attempt began that may have arrived, by Canva's clock, in seconds since the Unix epoch. Nothing was made
    /// of it before.
    pub began: i64,
    /// When Canva may first have had all of it, or later. From then on its job may be under way.
    pub complete: i64,
    /// The times are by this machine's clock, since Canva had not answered anything before. Then look it up on this
    /// machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_clock: bool,
}

/// What an [`Unconfirmed`] was to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnconfirmedKind {
    /// An image, by the extension of its file or name.
    Image,
    /// A video, by the extension of its file or name. Canva lists no videos.
    Video,
    /// An image or a video.
    Asset,
    /// One or more designs.
    Design,
}

impl Unconfirmed {
    /// What isn't sent yet.
    pub(crate) fn new(kind: UnconfirmedKind, name: String) -> Self {
        Self { kind, name, folder_id: None, began: 0, complete: 0, own_clock: false }
    }
}

/// Why a look-up doesn't say which asset or design it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookUpError {
    /// Canva doesn't list it, although any job for it should have ended. That is strong evidence that there never was one,
    /// or that it failed. It is no proof: Canva may take longer, or somebody may have renamed, moved or deleted what was
    /// made.
    #[error("Canva does not list it")]
    NotThere,
    /// More than one fits, or one that may be another's: of what is looked up by the same name, or of an item of the same
    /// bulk whose job goes on.
    #[error("it may be one of these in Canva: {}", Ids(.ids))]
    #[non_exhaustive]
    Several {
        /// The ids of the assets or designs.
        ids: Vec<String>,
    },
    /// It is or may be a video, and Canva lists no videos.
    #[error("it may be a video, and Canva lists no videos")]
    Video,
    /// Canva can't be asked, for example because a scope is missing.
    #[error("Canva could not be asked what became of it")]
    #[non_exhaustive]
    Failed {
        /// Why not.
        source: Arc<Error>,
    },
}

struct Ids<'a>(&'a [String]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.0.iter().map(|id| shown(id)).collect();
        f.write_str(&ids.join(", "))
    }
}
