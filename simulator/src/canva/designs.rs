//! Designs: imported, made of a type or an image, or copied.

use std::collections::BTreeSet;
use std::io;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::canva::access::Owner;
use crate::canva::content::Content;
use crate::canva::folders::ROOT;
use crate::canva::library::Library;
use crate::canva::urls::Urls;
use crate::files::media::AssetKind;

/// A design that a user imported or made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredDesign {
    /// The design's id.
    pub id: String,
    /// The title, decoded. Empty for a design that was made without one.
    pub title: String,
    /// Who imported or made it.
    pub owner: Owner,
    /// The folder that it lies in: the folder's id, or `root` or `uploads`.
    pub folder_id: String,
    /// The file's media type, found from its bytes. Empty if there was no file.
    pub mime_type: &'static str,
    /// What kind of design the API calls it: `presentation`, `custom` and so on.
    pub design_type: String,
    /// Pages of a PDF, slides of a presentation, and one page of a new design.
    pub page_count: Option<usize>,
    /// In seconds since the Unix epoch.
    pub created_at: i64,
    /// In seconds since the Unix epoch.
    pub updated_at: i64,
    pub(crate) content: Content,
}

/// A design that isn't in the library yet.
pub struct NewDesign {
    pub title: String,
    pub content: Content,
    pub mime_type: &'static str,
    pub design_type: String,
    pub page_count: Option<usize>,
}

impl NewDesign {
    /// The design that an import makes of a file.
    pub fn imported(title: String, content: Content, mime_type: &'static str, page_count: Option<usize>) -> Self {
        let design_type = match mime_type.rsplit('.').next() {
            Some("document") => "doc",
            Some(kind @ ("presentation" | "sheet")) => kind,
            _ => "custom",
        };
        Self { title, content, mime_type, design_type: design_type.to_owned(), page_count }
    }
}

impl Library {
    pub fn add_design(&mut self, new: NewDesign, owner: Owner, now: i64) -> StoredDesign {
        let NewDesign { title, content, mime_type, design_type, page_count } = new;
        let id = format!("DAsim{:06}", self.next_number());
        let (folder_id, created_at, updated_at) = (ROOT.to_owned(), now, now);
        let design = StoredDesign {
            id,
            title,
            owner,
            folder_id,
            mime_type,
            design_type,
            page_count,
            created_at,
            updated_at,
            content,
        };
        self.designs.insert(design.id.clone(), design.clone());
        design
    }

    /// The design, or why this user doesn't get it.
    pub fn design(&self, id: &str, user_id: &str) -> Result<&StoredDesign, ApiError> {
        match self.designs.get(id) {
            Some(design) if design.owner.user_id != user_id => Err(ApiError::not_theirs("design")),
            Some(design) => Ok(design),
            None => Err(ApiError::design_not_found()),
        }
    }

    /// The design that a request describes, by what it says that the design is made from.
    pub fn new_design(&mut self, request: &Value, user_id: &str) -> Result<NewDesign, ApiError> {
        let text = |field: &str| request.get(field).and_then(Value::as_str);
        match text("type") {
            Some("design") => {
                let design = self.design(text("design_id").unwrap_or_default(), user_id)?;
                design.copy(request.get("page_numbers").and_then(Value::as_array))
            }
            Some("brand_template") => Err(ApiError::design_not_found().because("There are no brand templates here.")),
            _ => {
                let design_type = request.get("design_type");
                match text("asset_id") {
                    Some(id) if self.asset_mut(id, user_id)?.kind != AssetKind::Image => {
                        return Err(bad_request("The asset is a video, and a design is made with an image."));
                    }
                    None if design_type.is_none() => return Err(bad_request("It needs design_type or asset_id.")),
                    _ => {}
                }
                // Only a type with a name has one.
                let name = design_type.and_then(|it| it.get("name")?.as_str()).unwrap_or("custom");
                Ok(NewDesign {
                    title: text("title").unwrap_or_default().to_owned(),
                    content: Content::default(),
                    mime_type: "",
                    design_type: name.to_owned(),
                    page_count: (name != "doc").then_some(1),
                })
            }
        }
    }
}

impl StoredDesign {
    /// The imported file, and nothing if there was none. It is read from the disk where the simulator holds more than
    /// 256 MiB.
    ///
    /// # Errors
    ///
    /// The disk can't be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        self.content.bytes()
    }

    /// A copy of these pages, or of all.
    fn copy(&self, page_numbers: Option<&Vec<Value>>) -> Result<NewDesign, ApiError> {
        let page_count = match page_numbers {
            None => self.page_count,
            Some(numbers) => {
                let there = self.page_count.unwrap_or_default();
                let numbers: BTreeSet<_> = numbers.iter().map(Value::as_u64).collect();
                let is_there = |page: &Option<u64>| page.is_some_and(|page| page <= there as u64);
                if !numbers.iter().all(is_there) {
                    return Err(bad_request(&format!("The design has {there} pages.")));
                }
                Some(numbers.len())
            }
        };
        Ok(NewDesign {
            title: self.title.clone(),
            content: self.content.clone(),
            mime_type: self.mime_type,
            design_type: self.design_type.clone(),
            page_count,
        })
    }

    pub(crate) fn to_json(&self, urls: &Urls) -> Value {
        let mut design = self.summary(urls);
        if let Some(design) = design.as_object_mut() {
            // Lists of what is in a folder have it alone.
            design.remove("url");
            design.insert("owner".into(), self.owner.to_json());
            design.insert("design_types".into(), json!([self.design_type]));
        }
        design
    }

    /// The design as folders and imports have it.
    pub(crate) fn summary(&self, urls: &Urls) -> Value {
        let mut design = json!({
            "id": self.id,
            "url": urls.design(&self.id, "view"),
            "urls": { "edit_url": urls.design(&self.id, "edit"), "view_url": urls.design(&self.id, "view") },
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        });
        if let Some(design) = design.as_object_mut() {
            design.extend((!self.title.is_empty()).then(|| ("title".into(), json!(self.title))));
            design.extend(self.page_count.map(|pages| ("page_count".into(), json!(pages))));
        }
        design
    }
}

fn bad_request(reason: &str) -> ApiError {
    let message = "No design can be made of this.";
    ApiError::new(StatusCode::BAD_REQUEST, "bad_request_body", message).because(reason)
}
