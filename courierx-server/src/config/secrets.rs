//! Secrets on disk: generated when nobody configured them, and readable by their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys;
use crate::auth::random_hex;
use crate::secret::Secret;

/// The file in the data directory that holds the secret which signs tokens.
const JWT_SECRET: &str = "jwt_secret";

/// Why a secret on disk cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file system refused.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("{0} can be read by others than its owner; mend it with: chmod 600 {0}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error(
        "{} does not hold a secret (it {reason}); restore it, or remove it to have another one generated: then \
         everybody has to log in again",
        path.display()
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Creates the data directory, for its owner alone, if it is not there.
pub fn create_data_dir(path: &Path) -> Result<(), SecretError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| SecretError::Io { path: path.to_owned(), source })
}

/// Where the secret that signs tokens is kept.
pub fn jwt_secret_path(data_dir: &Path) -> PathBuf {
    data_dir.join(JWT_SECRET)
}

/// The secret that signs tokens, if one was generated.
pub fn read_jwt_secret(data_dir: &Path) -> Result<Option<Secret>, SecretError> {
    let path = jwt_secret_path(data_dir);
    let Some(text) = read_private(&path)? else { return Ok(None) };
    match keys::jwt_secret(text.trim()) {
        Ok(secret) => Ok(Some(secret)),
        Err(reason) => Err(SecretError::Invalid { path, reason }),
    }
}

/// The secret that signs tokens; a new one is generated if there is none.
pub fn jwt_secret(data_dir: &Path) -> Result<Secret, SecretError> {
    if let Some(secret) = read_jwt_secret(data_dir)? {
        return Ok(secret);
    }
    let path = jwt_secret_path(data_dir);
    let secret = random_hex();
    write_private(&path, &secret).map_err(|source| SecretError::Io { path: path.clone(), source })?;
    tracing::info!(path = %path.display(), "generated a secret that signs tokens");
    Ok(Secret::new(secret.as_str()))
}

/// Reads a file that only its owner may read; none if it is not there.
pub fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, SecretError> {
    let failed = |source| SecretError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if is_exposed(&file.metadata().map_err(failed)?) {
        return Err(SecretError::Exposed { path: path.to_owned() });
    }
    io::read_to_string(file).map(|text| Some(Zeroizing::new(text))).map_err(failed)
}

/// Whether others than the owner may read or change it. Where there are no such permissions, they are
/// inherited from the directory.
pub fn is_exposed(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0;
    #[cfg(not(unix))]
    return metadata.len() == u64::MAX;
}

/// Writes under another name first, so that there is never half a secret, and then makes the name durable.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    // Elsewhere directories cannot be flushed; the file system keeps names by itself.
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_generated_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        create_data_dir(&data_dir).unwrap();
        create_data_dir(&data_dir).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(read_jwt_secret(&data_dir).unwrap().is_none());
        // What a crash left behind is in nobody's way.
        fs::write(data_dir.join("jwt_secret.new"), "half").unwrap();
        let secret = jwt_secret(&data_dir).unwrap();
        let path = jwt_secret_path(&data_dir);
        assert_eq!((mode(&data_dir), mode(&path)), (0o700, 0o600));
        assert!(secret == jwt_secret(&data_dir).unwrap() && secret.expose().len() == 64);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = jwt_secret(&data_dir).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && error.contains("jwt_secret"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "hunter2").unwrap();
        let error = jwt_secret(&data_dir).unwrap_err().to_string();
        assert!(error.contains("at least 32 bytes") && !error.contains("hunter2"), "{error}");
    }
}
