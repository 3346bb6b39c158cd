//! The user that the access token acts for.

use crate::client::Client;
pub use crate::generated::types::{TeamUserSummary, UserCapability, UserProfile};
use crate::send::Call;

impl Client {
    /// Who the access token acts for: the ids of the user and of their team.
    ///
    #[doc = scope_and_rate!(USERS_ME)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// println!("{}", canva.users_me().await?.user_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn users_me(&self) -> Call<TeamUserSummary> {
        self.generated().users_me().and_then(|response| Ok(response.team_user))
    }

    /// The user's profile: the name that Canva shows.
    ///
    #[doc = scope_and_rate!(GET_USER_PROFILE)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// println!("{:?}", canva.get_user_profile().await?.display_name);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_user_profile(&self) -> Call<UserProfile> {
        self.generated().get_user_profile().and_then(|response| Ok(response.profile))
    }

    /// The features that the user may use and that not every user may. It is empty if there are none.
    ///
    #[doc = scope_and_rate!(GET_USER_CAPABILITIES)]
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
    /// use canva_connect::UserCapability;
    ///
    /// let has_autofill = canva.get_user_capabilities().await?.contains(&UserCapability::Autofill);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_user_capabilities(&self) -> Call<Vec<UserCapability>> {
        self.generated().get_user_capabilities().and_then(|response| Ok(response.capabilities.unwrap_or_default()))
    }
}
