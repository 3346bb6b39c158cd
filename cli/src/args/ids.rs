//! The ids that commands take. What has a URL in Canva may be given by it.

/// A design's id, or its URL: `https://www.canva.com/design/DAF.../edit`.
pub fn design(text: &str) -> Result<String, String> {
    Ok(in_url(text, &["design"]))
}

/// A folder's id, or its URL: `https://www.canva.com/folder/FAF...`.
pub fn folder(text: &str) -> Result<String, String> {
    Ok(in_url(text, &["folder"]))
}

/// Either of these, or an asset's id.
pub fn item(text: &str) -> Result<String, String> {
    Ok(in_url(text, &["design", "folder"]))
}

/// An asset's id. Canva shows no URL for an asset.
pub fn asset(text: &str) -> Result<String, String> {
    match text.contains("://") {
        true => Err("expected an asset's id, such as Msd59349ff, got a URL; `canva list` prints the ids".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// The id in the URL of one of these things, or else the whole text, which is then checked as an id.
fn in_url(text: &str, things: &[&str]) -> String {
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let mut segments = path.unwrap_or_default().split(['/', '?', '#']);
    match (segments.next(), segments.next()) {
        (Some(thing), Some(id)) if things.contains(&thing) && !id.is_empty() => id.to_owned(),
        _ => text.to_owned(),
    }
}
