//! Files that stand for addresses on the network, so that uploads and imports from URLs work without one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use reqwest::Url;
use serde_json::{Value, json};

use crate::canva::content::Content;
use crate::fields::{invalid, not_found};
use crate::lock::lock;

#[derive(Default)]
pub struct Addresses(Mutex<Files>);

#[derive(Default)]
struct Files {
    now: BTreeMap<Url, Content>,
    at_start: BTreeMap<Url, Content>,
}

impl Addresses {
    /// Lets the file stand for the URL, in place of an older one.
    pub fn put(&self, url: &str, content: Content) -> io::Result<()> {
        lock(&self.0).now.insert(parse(url)?, content);
        Ok(())
    }

    /// The file that stands for this URL.
    pub fn file(&self, url: &Url) -> Option<Content> {
        lock(&self.0).now.get(&place(url.clone())).cloned()
    }

    /// All URLs as JSON, with the lengths of their files.
    pub fn list(&self) -> Vec<Value> {
        let files = &lock(&self.0).now;
        files.iter().map(|(url, content)| json!({ "url": url.as_str(), "bytes": content.len() })).collect()
    }

    pub fn remove(&self, url: &str) -> io::Result<()> {
        let url = parse(url)?;
        let none = || not_found(format!("no file stands for {url}"));
        lock(&self.0).now.remove(&url).map(drop).ok_or_else(none)
    }

    pub fn clear(&self) {
        lock(&self.0).now.clear();
    }

    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&self) {
        let mut files = lock(&self.0);
        files.at_start = files.now.clone();
    }

    pub fn reset(&self) {
        let mut files = lock(&self.0);
        files.now = files.at_start.clone();
    }
}

fn parse(text: &str) -> io::Result<Url> {
    let refuse = |what: String| {
        // Not as it came: it may have a password.
        invalid(format!("expected an http or https URL such as https://example.com/a.png, but this {what}"))
    };
    let url = Url::parse(text).map_err(|e| refuse(format!("is no URL: {e}")))?;
    match url.scheme() {
        "http" | "https" => Ok(place(url)),
        other => Err(refuse(format!("is one of {other}"))),
    }
}

/// The URL without what says nothing of the file: the fragment isn't sent, and a password is nobody else's business.
fn place(mut url: Url) -> Url {
    url.set_fragment(None);
    // They fail for URLs that can't have a name or a password.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}
