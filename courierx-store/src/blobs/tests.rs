//! The suite over what a bucket does, in memory.

use courierx_core::blobs::conformance::Subject;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::{Listing, ObjectBlobs};

fn in_memory(prefix: &str, listing: Listing) -> Subject {
    let prefix = Path::from(prefix);
    Subject::new(ObjectBlobs::new(InMemory::new(), prefix, listing, None, "memory".to_owned()))
}

mod flat {
    use super::*;

    fn subject() -> Subject {
        in_memory("", Listing::Flat)
    }
    courierx_core::blobs_conformance!(std::future::ready(subject()));
}

mod flat_with_a_prefix {
    use super::*;

    fn subject() -> Subject {
        in_memory("mail/of-acme", Listing::Flat)
    }
    courierx_core::blobs_conformance!(std::future::ready(subject()));
}

mod folders_with_a_prefix {
    use super::*;

    fn subject() -> Subject {
        in_memory("mail", Listing::Folders)
    }
    courierx_core::blobs_conformance!(std::future::ready(subject()));
}
