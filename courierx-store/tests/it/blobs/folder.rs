//! Large contents in a folder.

use std::fs;

use courierx_core::blobs::conformance::Subject;
use courierx_core::blobs::{BlobError, BlobKey, Blobs, Day};
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_store::blobs::ObjectBlobs;

fn subject() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let blobs = ObjectBlobs::folder(directory.path().join("large contents")).unwrap();
    Subject::new(blobs).keeping(directory)
}

courierx_core::blobs_conformance!(std::future::ready(subject()));

fn key() -> BlobKey {
    BlobKey::new(Day::of(Timestamp::from_secs(1_900_000_000)), TenantId::DEFAULT, MessageId::new())
}

#[tokio::test]
async fn a_blob_is_a_file_named_after_its_key_and_survives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let (blobs, key) = (ObjectBlobs::folder(&path).unwrap(), key());
    blobs.put(&key, b"here".to_vec()).await.unwrap();
    assert_eq!(fs::read(path.join(key.to_string())).unwrap(), b"here");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let again = ObjectBlobs::folder(&path).unwrap();
    assert_eq!(again.get(&key).await.unwrap().as_deref(), Some(&b"here"[..]));
    again.delete(&[key]).await.unwrap();
    assert!(!path.join(key.day().to_string()).exists(), "empty folders go as well");
    assert!(ObjectBlobs::folder(&path).is_ok(), "and the folder itself stays");
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (blobs, key) = (ObjectBlobs::folder(directory.path()).unwrap(), key());
    blobs.put(&key, vec![1]).await.unwrap();
    for name in ["lost+found", "2030-03-17/notes", "2030-3-17"] {
        fs::create_dir_all(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("file"), "theirs").unwrap();
    }
    // What a crash leaves of a put.
    fs::write(directory.path().join(format!("{key}#1")), "half").unwrap();
    assert_eq!(blobs.list(Day::FIRST..key.day().next(), None, 10).await.unwrap(), [key]);
}

#[tokio::test]
async fn a_missing_disk_takes_nothing_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (path, away) = (directory.path().join("large"), directory.path().join("away"));
    let (blobs, key) = (ObjectBlobs::folder(&path).unwrap(), key());
    blobs.put(&key, b"here".to_vec()).await.unwrap();
    fs::rename(&path, &away).unwrap();
    for empty in [false, true] {
        if empty {
            fs::create_dir(&path).unwrap();
        }
        let results = [
            blobs.put(&key, b"there".to_vec()).await.err(),
            blobs.get(&key).await.err(),
            blobs.delete(&[key]).await.err(),
            blobs.list(Day::FIRST..key.day().next(), None, 10).await.err(),
        ];
        for error in results {
            let error = error.expect("the disk is missing");
            assert!(error.is_temporary(), "{error:?}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("is a disk missing?") && cause.contains("large"), "{cause}");
        }
    }
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing was put into what is not the disk");
    fs::remove_dir(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    assert_eq!(blobs.get(&key).await.unwrap().as_deref(), Some(&b"here"[..]), "it is back");
}

#[tokio::test]
async fn what_is_in_the_way_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (blobs, key) = (ObjectBlobs::folder(directory.path()).unwrap(), key());
    fs::write(directory.path().join(key.day().to_string()), "a file").unwrap();
    let error = blobs.put(&key, vec![1]).await.unwrap_err();
    assert!(matches!(error, BlobError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("in the way"), "{error}");

    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = ObjectBlobs::folder(&file).unwrap_err();
    assert!(error.to_string().contains("cannot be used"), "{error}");
}
