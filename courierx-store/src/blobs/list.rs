//! Listing names in order.

use std::ops::Range;

use courierx_core::blobs::{BlobKey, Day};
use courierx_core::id::TenantId;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, Result};

/// How a place lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// All names in their order, after any: a bucket.
    Flat,
    /// The entries of one folder, in no order.
    Folders,
}

impl Listing {
    /// The names of blobs of these days after `after`, at most `limit`. What else there is is left alone.
    pub(super) async fn list(
        self,
        objects: &dyn ObjectStore,
        prefix: &Path,
        days: Range<Day>,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> Result<Vec<BlobKey>> {
        if days.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Flat => flat(objects, prefix, days, after, limit).await,
            Self::Folders => folders(objects, prefix, days, after, limit).await,
        }
    }
}

async fn flat(
    objects: &dyn ObjectStore,
    prefix: &Path,
    days: Range<Day>,
    after: Option<&BlobKey>,
    limit: usize,
) -> Result<Vec<BlobKey>> {
    let after = after.filter(|after| after.day() >= days.start);
    // Every name of a day is after the day alone.
    let offset = after.map_or_else(|| days.start.to_string(), ToString::to_string);
    let offset = offset.split('/').fold(prefix.clone(), Path::join);
    let within = Some(prefix).filter(|prefix| !prefix.as_ref().is_empty());
    let mut found = objects.list_with_offset(within, &offset);
    let mut keys = Vec::new();
    while let Some(object) = found.try_next().await? {
        let Some(key) = key(&object, prefix) else { continue };
        if key.day() >= days.end {
            break;
        }
        keys.push(key);
        if keys.len() == limit {
            break;
        }
    }
    Ok(keys)
}

/// Reads no more folders than the page has names of.
async fn folders(
    objects: &dyn ObjectStore,
    prefix: &Path,
    days: Range<Day>,
    after: Option<&BlobKey>,
    limit: usize,
) -> Result<Vec<BlobKey>> {
    let mut keys = Vec::new();
    let from = after.map_or(days.start, |after| after.day().max(days.start));
    for day in inside::<Day>(objects, prefix).await? {
        if day < from || day >= days.end {
            continue;
        }
        let of_day = prefix.clone().join(day.to_string());
        for tenant in inside::<TenantId>(objects, &of_day).await? {
            if after.is_some_and(|after| (day, tenant) < (after.day(), after.tenant())) {
                continue;
            }
            let of_tenant = of_day.clone().join(tenant.to_string());
            let found = objects.list_with_delimiter(Some(&of_tenant)).await?.objects;
            let mut names: Vec<_> = found.iter().filter_map(|object| key(object, prefix)).collect();
            names.sort_unstable();
            keys.extend(names.into_iter().filter(|key| after.is_none_or(|after| key > after)));
            if keys.len() >= limit {
                keys.truncate(limit);
                return Ok(keys);
            }
        }
    }
    Ok(keys)
}

/// The folders in a folder whose names are such, in order.
async fn inside<T: std::str::FromStr + Ord>(objects: &dyn ObjectStore, folder: &Path) -> Result<Vec<T>> {
    let found = objects.list_with_delimiter(Some(folder)).await?.common_prefixes;
    let mut names: Vec<T> = found.iter().filter_map(|path| path.filename()?.parse().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The name of a blob; none for what is something else.
fn key(object: &ObjectMeta, prefix: &Path) -> Option<BlobKey> {
    let path = object.location.as_ref().strip_prefix(prefix.as_ref())?;
    path.strip_prefix('/').unwrap_or(path).parse().ok()
}
