//! Access tokens, their scopes, and their users.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

/// The user who owns an asset or a design, or whom a token acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// The user's id.
    pub user_id: String,
    /// The id of the user's team.
    pub team_id: String,
}

impl Owner {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "user_id": self.user_id, "team_id": self.team_id })
    }
}

/// An access token, the scopes it was granted, and the user it acts for.
///
/// ```
/// let reader = canva_simulator::Access::new("reader").scopes(["asset:read"]).user("oUser", "oTeam");
/// ```
#[derive(Clone)]
pub struct Access {
    pub(crate) token: String,
    /// `None` is every scope.
    scopes: Option<BTreeSet<String>>,
    pub(crate) owner: Owner,
}

impl Access {
    /// A token with every scope, for the simulator's default user.
    pub fn new(token: impl Into<String>) -> Self {
        let owner = Owner { user_id: "oSimulatedUser".into(), team_id: "oSimulatedTeam".into() };
        Self { token: token.into(), scopes: None, owner }
    }

    /// Grants these scopes and no others.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the user and the team that the token acts for. Tokens of one user share assets, jobs and rate limits.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<String>, team_id: impl Into<String>) -> Self {
        self.owner = Owner { user_id: user_id.into(), team_id: team_id.into() };
        self
    }

    /// The scopes by name. `None` is every scope.
    pub(crate) fn scope_names(&self) -> Option<Vec<&str>> {
        Some(self.scopes.as_ref()?.iter().map(String::as_str).collect())
    }

    pub(crate) fn lacks<'a>(&self, needed: &[&'a str]) -> Option<&'a str> {
        let scopes = self.scopes.as_ref()?;
        needed.iter().copied().find(|scope| !scopes.contains(*scope))
    }
}

/// Doesn't show the token.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("scopes", &self.scopes).field("owner", &self.owner).finish_non_exhaustive()
    }
}
