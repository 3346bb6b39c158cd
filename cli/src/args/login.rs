//! The options of `canva login`.

// The help shows what is written here as it is.
#![allow(rustdoc::bare_urls)]

use std::path::PathBuf;
use std::time::Duration;

use canva_connect::operations;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};

use super::seconds;

/// Log in to Canva, in a browser.
///
/// From then on, the commands renew their tokens by themselves.
///
/// A login needs an integration, which is made once at https://www.canva.com/developers/integrations: there, copy the
/// client ID, generate a client secret, enable the scopes and add the redirect URL http://127.0.0.1:3001/callback.
///
/// The client secret is taken from --client-secret-file, CANVA_CLIENT_SECRET or the last login, or asked for. No option
/// takes it, because other programs can see options.
///
/// The login is kept in a file of your own. Where the system has a keyring (the macOS keychain, the Windows Credential
/// Manager or, with `secret-tool`, the Secret Service of a Linux desktop), the file is sealed with a key that is there.
#[derive(clap::Args)]
pub struct Login {
    /// The integration's client ID [default: CANVA_CLIENT_ID, or that of the last login, or you are asked].
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub client_id: Option<String>,

    /// A file that has the integration's client secret; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,

    /// The scopes to ask for, separated by commas [default: all that the commands need].
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = PossibleValuesParser::new(operations::SCOPES))]
    pub scopes: Vec<String>,

    /// The port on this machine that the browser comes back to. Another one is another redirect URL to add.
    #[arg(long, default_value_t = 3001)]
    pub port: u16,

    /// Print the address to open and open no browser. Where the browser can't come back, because it runs on another
    /// machine, paste the address that it ends at.
    #[arg(long)]
    pub no_browser: bool,

    /// How many seconds to wait for the browser.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "600")]
    pub timeout: Duration,
}
