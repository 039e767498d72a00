//! Where large contents are kept besides the database: `COURIERX_BLOBS` and what a bucket needs.

use std::path::{Path, PathBuf};

use courierx_store::blobs::{ObjectBlobs, S3Options};

use super::error::Problem;
use super::keys;
use super::loader::{Loader, Parsed};
use super::table;
use crate::app::AppError;

/// Where large contents are kept besides the database. `Debug` shows no credentials.
#[derive(Debug, Clone)]
pub enum BlobPlace {
    /// In this folder.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Box<S3Options>),
}

impl BlobPlace {
    /// The place, ready to be used. Makes a folder that is not there; connects to nothing.
    pub fn open(&self) -> Result<ObjectBlobs, AppError> {
        Ok(match self {
            Self::Folder(path) => ObjectBlobs::folder(path)?,
            Self::Bucket(options) => options.as_ref().clone().open()?,
        })
    }
}

/// What `COURIERX_BLOBS` says.
enum Url {
    Folder(PathBuf),
    Bucket { name: String, prefix: String },
}

/// Reads all of it. `roots` are certificates that the bucket's host may have, too.
pub(super) fn load(from: &mut Loader<'_>, roots: Option<&str>) -> Option<BlobPlace> {
    let url = from.optional(&table::COURIERX_BLOBS, url);
    let endpoint = from.optional(&table::COURIERX_BLOBS_ENDPOINT, endpoint);
    let region = from.optional(&table::COURIERX_BLOBS_REGION, region);
    let id = from.optional(&table::COURIERX_BLOBS_ACCESS_KEY_ID, keys::secret);
    let secret = from.optional(&table::COURIERX_BLOBS_SECRET_ACCESS_KEY, keys::secret);
    let (name, prefix) = match url? {
        Url::Folder(path) => return Some(BlobPlace::Folder(path)),
        Url::Bucket { name, prefix } => (name, prefix),
    };
    let (Some(id), Some(secret)) = (id, secret) else {
        from.add(Problem::other(format!(
            "COURIERX_BLOBS names a bucket, which needs {} and {}",
            table::COURIERX_BLOBS_ACCESS_KEY_ID.name,
            table::COURIERX_BLOBS_SECRET_ACCESS_KEY.name
        )));
        return None;
    };
    let mut options = ObjectBlobs::s3(name).prefix(prefix).credentials(id.expose(), secret.expose());
    if let Some(endpoint) = endpoint {
        options = options.endpoint(endpoint);
    }
    if let Some(region) = region {
        options = options.region(region);
    }
    if let Some(roots) = roots {
        options = options.root_certificate_pem(roots);
    }
    Some(BlobPlace::Bucket(Box::new(options)))
}

fn url(text: &str) -> Parsed<Url> {
    let text = text.trim();
    if let Some(path) = text.strip_prefix("file://") {
        let path = Path::new(path);
        return if path.is_absolute() {
            Ok(Url::Folder(path.to_owned()))
        } else {
            Err("must be file:// and the path of a folder, which begins with a slash".to_owned())
        };
    }
    let Some(place) = text.strip_prefix("s3://") else {
        return Err("must be file:// and the path of a folder, or s3:// and a bucket, perhaps with a prefix"
            .to_owned());
    };
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let prefix = prefix.trim_end_matches('/');
    checked(ObjectBlobs::s3(name).prefix(prefix))?;
    Ok(Url::Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
}

fn endpoint(text: &str) -> Parsed<String> {
    checked(ObjectBlobs::s3(SOME_BUCKET).endpoint(text.trim()))?;
    Ok(text.trim().to_owned())
}

fn region(text: &str) -> Parsed<String> {
    checked(ObjectBlobs::s3(SOME_BUCKET).region(text))?;
    Ok(text.to_owned())
}

/// A right name, where it is about something else.
const SOME_BUCKET: &str = "bucket";

fn checked(options: S3Options) -> Parsed<()> {
    options.credentials("-", "-").check().map_err(|error| format!("is wrong: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Flags, Settings};
    use super::*;

    const SECRET: &str = "hunter2hunter2";
    const CREDENTIALS: [(&str, &str); 2] =
        [("COURIERX_BLOBS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("COURIERX_BLOBS_SECRET_ACCESS_KEY", SECRET)];

    fn load(variables: &[(&str, &str)]) -> Result<Option<BlobPlace>, String> {
        let folder = tempfile::tempdir().unwrap();
        let environment: Environment = variables.iter().copied().collect();
        let settings = Settings::load(&Flags::default(), &environment, folder.path());
        settings.map(|settings| settings.blobs).map_err(|error| error.to_string())
    }

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        assert!(load(&[]).unwrap().is_none());
        let folder = load(&[("COURIERX_BLOBS", "file:///var/lib/large mail")]).unwrap().unwrap();
        assert!(matches!(folder, BlobPlace::Folder(path) if path == Path::new("/var/lib/large mail")));
        let mut set = CREDENTIALS.to_vec();
        set.push(("COURIERX_BLOBS", "s3://acme-mail/courierx/live/"));
        let bucket = load(&set).unwrap().unwrap();
        assert_eq!(bucket.open().unwrap().place(), "bucket acme-mail, prefix courierx/live");
        set.extend([
            ("COURIERX_BLOBS_ENDPOINT", "http://minio:9000"),
            ("COURIERX_BLOBS_REGION", "eu-central-1"),
        ]);
        let shown = format!("{:?}", load(&set).unwrap().unwrap());
        assert!(shown.contains("minio:9000") && shown.contains("eu-central-1"), "{shown}");
        assert!(!shown.contains(SECRET) && !shown.contains("AKIA"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_told_without_a_secret() {
        for (name, wrong, why) in [
            ("COURIERX_BLOBS", "large-mail", "must be file://"),
            ("COURIERX_BLOBS", "file://large-mail", "begins with a slash"),
            ("COURIERX_BLOBS", "s3://Acme", "no bucket is called like that"),
            ("COURIERX_BLOBS", "s3://AKIAEXAMPLE:hunter2hunter2@acme", "no bucket is called like that"),
            ("COURIERX_BLOBS", "s3://acme-mail/../x", "a prefix has letters"),
            ("COURIERX_BLOBS_ENDPOINT", "https://a:hunter2hunter2@minio", "without user"),
            ("COURIERX_BLOBS_REGION", "EU", "a region has"),
        ] {
            let error = load(&[(name, wrong)]).unwrap_err();
            assert!(error.contains(why) && error.contains(name), "{wrong}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("AKIA"), "{error}");
        }
        for given in [&[][..], &CREDENTIALS[..1], &CREDENTIALS[1..]] {
            let set = [&[("COURIERX_BLOBS", "s3://acme-mail")], given].concat();
            let error = load(&set).unwrap_err();
            assert!(error.contains("needs COURIERX_BLOBS_ACCESS_KEY_ID and"), "{error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }
}
