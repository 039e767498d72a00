//! What is asked of a bucket, and what its answers mean.

use std::error::Error;

use courierx_core::blobs::conformance::Subject;
use courierx_core::blobs::{BlobError, BlobKey, Blobs, Day};
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_store::blobs::{ObjectBlobs, OpenError};

use super::bucket::{Bucket, KEY, NAME, REGION, SECRET};

async fn subject() -> Subject {
    let bucket = Bucket::start().await;
    Subject::new(bucket.options().prefix("mail/acme").open().unwrap()).keeping(bucket)
}

courierx_core::blobs_conformance!(subject());

fn key() -> BlobKey {
    BlobKey::new(Day::of(Timestamp::from_secs(1_900_000_000)), TenantId::DEFAULT, MessageId::new())
}

/// An error with all its causes.
fn whole(error: &dyn Error) -> String {
    let mut text = format!("{error} / {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text} / {error} / {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn the_bucket_stands_in_the_path_and_names_are_those_of_keys() {
    let bucket = Bucket::start().await;
    let (plain, prefixed) =
        (bucket.options().open().unwrap(), bucket.options().prefix("mail").open().unwrap());
    let key = key();
    plain.put(&key, b"one".to_vec()).await.unwrap();
    prefixed.put(&key, b"two".to_vec()).await.unwrap();
    assert_eq!(bucket.names(), [key.to_string(), format!("mail/{key}")]);
    assert_eq!(plain.get(&key).await.unwrap().as_deref(), Some(&b"one"[..]));
    let asked = bucket.asked();
    let expected =
        [format!("PUT /{NAME}/{key}"), format!("PUT /{NAME}/mail/{key}"), format!("GET /{NAME}/{key}")];
    assert_eq!(asked, expected, "one request each");
    let days = key.day()..key.day().next();
    assert_eq!(plain.list(days.clone(), None, 10).await.unwrap(), [key], "what is not ours is not listed");
    assert_eq!(prefixed.list(days, None, 10).await.unwrap(), [key]);
    prefixed.delete(&[key]).await.unwrap();
    assert_eq!(bucket.names(), [key.to_string()]);
    let asked = bucket.asked();
    let list = format!("GET /{NAME}?list-type=2&prefix=mail%2F&start-after=mail%2F{}", key.day());
    assert!(asked.contains(&list), "{asked:?}");
    assert!(asked.contains(&format!("POST /{NAME}?delete")), "{asked:?}");
}

#[tokio::test]
async fn what_an_operator_has_to_mend_is_told_and_not_tried_again() {
    let bucket = Bucket::start().await;
    let blobs = bucket.options().open().unwrap();
    for (status, code, said) in [
        (403, "AccessDenied", "s3:PutObject"),
        (403, "InvalidAccessKeyId", "credentials"),
        (404, "NoSuchBucket", "make the bucket"),
        (301, "PermanentRedirect", "another region"),
        (400, "AuthorizationHeaderMalformed", "region right?"),
    ] {
        bucket.asked();
        for call in 0..4 {
            bucket.fail(&[(status, code)]);
            let error = match call {
                0 => blobs.put(&key(), vec![1]).await.err(),
                1 => blobs.get(&key()).await.err(),
                2 => blobs.delete(&[key()]).await.err(),
                _ => blobs.list(Day::FIRST..key().day(), None, 10).await.err(),
            };
            let error = error.unwrap_or_else(|| panic!("{code} is an error of call {call}"));
            let text = whole(&error);
            assert!(matches!(error, BlobError::Refused { .. }) && !error.is_temporary(), "{text}");
            assert!(text.contains(said) && text.contains(code) && text.contains(NAME), "{text}");
            assert!(!text.contains(SECRET) && !text.contains(KEY), "{text}");
        }
        assert_eq!(bucket.asked().len(), 4, "{code} is asked once");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_then_temporary() {
    let bucket = Bucket::start().await;
    let blobs = bucket.options().open().unwrap();
    let key = key();
    bucket.fail(&[(503, "SlowDown"), (500, "InternalError")]);
    blobs.put(&key, b"here".to_vec()).await.unwrap();
    assert_eq!(bucket.asked().len(), 3);
    for (status, code) in [(503, "SlowDown"), (429, "TooManyRequests"), (507, "XMinioStorageFull")] {
        bucket.fail(&[(status, code); 3]);
        let error = blobs.get(&key).await.unwrap_err();
        assert!(error.is_temporary(), "{}", whole(&error));
        assert!(whole(&error).contains(code) && !whole(&error).contains(KEY), "{}", whole(&error));
    }
    assert_eq!(blobs.get(&key).await.unwrap().as_deref(), Some(&b"here"[..]));
    bucket.fail(&[(404, "NoSuchKey")]);
    assert_eq!(blobs.get(&key).await.unwrap(), None);
    drop(bucket);
    let error = blobs.get(&key).await.unwrap_err();
    assert!(error.is_temporary(), "nobody listens: {}", whole(&error));
}

#[tokio::test]
async fn nothing_shows_credentials() {
    let bucket = Bucket::start().await;
    let options = bucket.options();
    let blobs = options.clone().open().unwrap();
    let wrong = options.clone().endpoint(format!("http://{KEY}:{SECRET}@localhost"));
    for text in [format!("{options:?}"), format!("{blobs:?}"), format!("{wrong:?}"), blobs.place().to_owned()]
    {
        assert!(!text.contains(SECRET) && !text.contains(KEY), "{text}");
    }
    assert!(format!("{options:?}").contains(REGION));
}

#[test]
fn wrong_options_are_told_before_anything_is_asked() {
    let s3 = || ObjectBlobs::s3(NAME).credentials(KEY, SECRET);
    let error = |options: courierx_store::blobs::S3Options| options.open().unwrap_err();
    for bucket in ["", "ab", "Acme", "acme_mail", "-acme", "acme-", "a/b", "mail--euc1-az1--x-s3"] {
        let options = ObjectBlobs::s3(bucket).credentials(KEY, SECRET);
        assert!(matches!(error(options), OpenError::Bucket), "{bucket}");
    }
    for prefix in ["/", "a//b", "a/", "../a", "a b", "ä"] {
        assert!(matches!(error(s3().prefix(prefix)), OpenError::Prefix), "{prefix}");
    }
    for url in
        ["minio", "ftp://minio", "https://a:b@minio", "https://minio/bucket", "https://minio?x=1", "http://"]
    {
        assert!(matches!(error(s3().endpoint(url)), OpenError::Endpoint), "{url}");
    }
    assert!(matches!(error(s3().region("EU 1")), OpenError::Region));
    assert!(matches!(error(s3().credentials("", SECRET)), OpenError::NoCredentials));
    assert!(matches!(error(ObjectBlobs::s3(NAME)), OpenError::NoCredentials));
    assert!(matches!(error(s3().root_certificate_pem("none")), OpenError::Certificate));
    assert_eq!(s3().prefix("a/b-c").open().unwrap().place(), "bucket acme-mail, prefix a/b-c");
}
