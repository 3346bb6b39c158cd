//! What is in the simulator from its start: the files of `--seed`.

use std::fs;
use std::io;
use std::path::Path;

use canva_simulator::{Simulator, asset_kind};

use crate::end::End;
use crate::files::select::Selection;
use crate::screen::Screen;

/// The most characters that a name has.
const MAX_NAME: usize = 50;

/// Puts all images, videos and documents of a directory into the library, and says what isn't taken.
pub async fn fill(simulator: &Simulator, directory: &Path, screen: &Screen) -> Result<(), End> {
    let about = |error| End::usage(format!("--seed {}: {error}", directory.display()));
    if !fs::metadata(directory).map_err(about)?.is_dir() {
        return Err(about(io::ErrorKind::NotADirectory.into()));
    }
    let mut selection = Selection::default();
    selection.add(directory, None, &[]);
    let mut added = 0;
    for file in &selection.chosen {
        let shown = file.shown.display();
        let taken = async {
            let bytes = fs::read(&file.path)?;
            // As `canva upload` and `canva import` name them.
            let name = if asset_kind(&bytes).is_ok() { file.path.file_name() } else { file.path.file_stem() };
            let name: String = name.unwrap_or_default().to_string_lossy().chars().take(MAX_NAME).collect();
            simulator.add(&name, bytes, None).await
        };
        match taken.await {
            Ok(_) => added += 1,
            Err(error) => screen.note(&format!("--seed: {shown}: {error}")),
        }
    }
    for (path, error) in &selection.unreadable {
        screen.note(&format!("--seed: {}: {error}", path.display()));
    }
    for (path, why) in &selection.left_out {
        screen.note(&format!("--seed: {}: {}", path.display(), why.reason()));
    }
    simulator.keep();
    screen.note(&format!("--seed: the library has {added} of the files in {}", directory.display()));
    Ok(())
}
