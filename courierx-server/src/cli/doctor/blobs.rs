//! Where large contents are kept besides the database.

use std::error::Error;
use std::time::Duration;

use courierx_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, Day};
use courierx_core::id::{MessageId, TenantId};

use super::Finding;
use super::files::{existing, is_writable, shown};
use crate::config::{BlobPlace, Settings};

const BLOBS: &str = "large contents";
/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether large contents can be put, got and deleted.
pub(super) async fn look(settings: &Settings) -> Option<Finding> {
    let place = settings.blobs.as_ref()?;
    if let BlobPlace::Folder(path) = place
        && !path.exists()
    {
        return Some(if is_writable(&existing(path)) {
            Finding::ok(BLOBS, format!("{} will be created", shown(path)))
        } else {
            let text = format!("{} cannot be created", shown(path));
            Finding::problem(
                BLOBS,
                text,
                "choose another folder: COURIERX_BLOBS=file:///var/lib/courierx/blobs",
            )
        });
    }
    let blobs = match place.open() {
        Ok(blobs) => blobs,
        Err(error) => return Some(Finding::problem(BLOBS, with_causes(&error), mend(place))),
    };
    Some(match probe(&blobs).await {
        Ok(true) => Finding::ok(BLOBS, format!("{} takes, gives back and removes them", blobs.place())),
        Ok(false) => {
            let text = format!("{} does not give back what it took", blobs.place());
            Finding::problem(
                BLOBS,
                text,
                "its log may tell why; keep large contents somewhere else until then",
            )
        }
        Err(error) => Finding::problem(BLOBS, with_causes(&error), mend(place)),
    })
}

/// Puts something, reads it and removes it. What is left of it if that fails is swept, as it is nobody's.
async fn probe(blobs: &dyn Blobs) -> BlobResult<bool> {
    let key = BlobKey::new(Day::FIRST, TenantId::DEFAULT, MessageId::new());
    let content = key.to_string().into_bytes();
    within(blobs.put(&key, content.clone())).await?;
    let found = within(blobs.get(&key)).await?;
    within(blobs.list(Day::FIRST..Day::FIRST.next(), None, 1)).await?;
    within(blobs.delete(&[key])).await?;
    Ok(found == Some(content) && within(blobs.get(&key)).await?.is_none())
}

async fn within<T>(call: impl Future<Output = BlobResult<T>>) -> BlobResult<T> {
    let answer = tokio::time::timeout(PATIENCE, call).await;
    answer.unwrap_or_else(|elapsed| Err(BlobError::Unavailable(elapsed.into())))
}

fn mend(place: &BlobPlace) -> &'static str {
    match place {
        BlobPlace::Folder(_) => {
            "mount the disk, make room, or give the folder to the user that runs courierx; until then mail with \
             large content is answered with 503"
        }
        BlobPlace::Bucket(_) => {
            "correct COURIERX_BLOBS, its _ENDPOINT, _REGION and credentials, or the bucket's policy; until then mail \
             with large content is answered with 503"
        }
    }
}

/// An error and what it comes from, as far as that says anything new.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
