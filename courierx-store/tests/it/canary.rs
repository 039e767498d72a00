//! Canaries, over the store in memory: they work alike over any.

use courierx_core::id::TenantId;
use courierx_core::store::{CANARY_KIND, CanaryError, Configs, PageRequest, check_canary};
use courierx_core::vault::{KeyId, Vault, VaultKey};
use courierx_store::MemoryStore;

async fn canaries(store: &MemoryStore) -> usize {
    let page = PageRequest::default();
    store.list_configs(TenantId::DEFAULT, CANARY_KIND, None, &page).await.unwrap().items.len()
}

fn refused(result: Result<(), CanaryError>) -> Vec<KeyId> {
    match result {
        Err(CanaryError::WrongKey { missing }) => missing,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_first_key_is_the_databases() {
    let store = MemoryStore::new();
    let (key, other) = (VaultKey::generate(), VaultKey::generate());
    for _ in 0..2 {
        check_canary(&store, &Vault::new(key.clone())).await.unwrap();
        assert_eq!(canaries(&store).await, 1);
    }
    let wrong = check_canary(&store, &Vault::new(other)).await;
    assert!(wrong.as_ref().is_err_and(|error| error.to_string().contains(&key.id().to_string())));
    assert_eq!(refused(wrong), [key.id()]);
    assert_eq!(canaries(&store).await, 1, "what is refused leaves nothing behind");
}

#[tokio::test]
async fn a_new_key_comes_with_all_earlier_ones() {
    let store = MemoryStore::new();
    let [first, second, third] = [(); 3].map(|()| VaultKey::generate());
    check_canary(&store, &Vault::new(first.clone())).await.unwrap();
    let rotated = Vault::new(second.clone()).with_retired(first.clone());
    check_canary(&store, &rotated).await.unwrap();
    assert_eq!(canaries(&store).await, 2);
    // Something may still be sealed with any of them.
    assert_eq!(refused(check_canary(&store, &Vault::new(second.clone())).await), [first.id()]);
    assert_eq!(refused(check_canary(&store, &Vault::new(first.clone())).await), [second.id()]);
    let half = Vault::new(third.clone()).with_retired(second.clone());
    assert_eq!(refused(check_canary(&store, &half).await), [first.id()]);
    assert_eq!(canaries(&store).await, 2, "what is refused leaves nothing behind");
    check_canary(&store, &half.with_retired(first.clone())).await.unwrap();
    assert_eq!(canaries(&store).await, 3);
    // Which of them is active is of no account.
    let back = Vault::new(first).with_retired(second).with_retired(third);
    check_canary(&store, &back).await.unwrap();
    assert_eq!(canaries(&store).await, 3);
    let stranger = Vault::new(VaultKey::generate()).with_retired(VaultKey::generate());
    assert_eq!(refused(check_canary(&store, &stranger).await).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_processes_that_begin_with_different_keys_one_succeeds() {
    let store = MemoryStore::new();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { check_canary(&store, &Vault::new(VaultKey::generate())).await })
        })
        .collect();
    let mut started = 0;
    for start in starts {
        match start.await.unwrap() {
            Ok(()) => started += 1,
            wrong => assert_eq!(refused(wrong).len(), 1),
        }
    }
    assert_eq!((started, canaries(&store).await), (1, 1));
}
