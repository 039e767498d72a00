//! Large contents in a folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use courierx_core::blobs::BlobError;
use object_store::local::LocalFileSystem;

use super::ObjectBlobs;
use super::error::told;
use super::list::Listing;

/// The file that is there as long as the folder is.
const MARK: &str = "courierx-blobs";
const MARK_TEXT: &str =
    "Large contents of mail. While this file is missing here, CourierX takes the disk to be missing.\n";

impl ObjectBlobs {
    /// Large contents in this folder, which is made if it is not there, for its owner alone.
    ///
    /// Each is flushed before a put returns. A folder on a network disk serves several machines, as long as that
    /// disk does what a local one does. It leaves a file in the folder: once that is missing nothing is read or
    /// written, so that a disk which is not mounted takes nothing and loses nothing.
    pub fn folder(path: impl AsRef<Path>) -> Result<Self, BlobError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        prepare(path).map_err(|source| BlobError::Refused {
            reason: format!("the folder {place} cannot be used ({source})"),
            source: Some(source.into()),
        })?;
        let objects = LocalFileSystem::new_with_prefix(path).map_err(|error| told(error, &place))?;
        let objects = objects.with_fsync(true).with_automatic_cleanup(true);
        let mark = Some(object_store::path::Path::from(MARK));
        Ok(Self::new(objects, object_store::path::Path::default(), Listing::Folders, mark, place))
    }
}

/// Makes the folder and its mark, if they are not there.
fn prepare(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    let mark = path.join(MARK);
    if fs::exists(&mark)? {
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&mark)?;
    file.write_all(MARK_TEXT.as_bytes())?;
    file.sync_all()?;
    // Elsewhere directories cannot be flushed; the file system keeps names by itself.
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    Ok(())
}
