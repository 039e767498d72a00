use std::collections::HashSet;

use super::*;

const RECORD: [u8; 16] = [3; 16];

fn context() -> SealContext<'static> {
    SealContext { tenant: TenantId::from_bytes([1; 16]), kind: "connection", record: &RECORD }
}

#[test]
fn what_is_sealed_opens_and_shows_nothing() {
    let vault = Vault::new(VaultKey::generate());
    for plaintext in [&b""[..], b"secret", &vec![0xA5; 100_000]] {
        let sealed = vault.seal(&context(), plaintext);
        assert_eq!(sealed.as_bytes().len(), 1 + 4 + 12 + plaintext.len() + 16);
        assert_eq!(**vault.open(&context(), &sealed).unwrap(), *plaintext);
        let stored = Sealed::from_bytes(sealed.clone().into_bytes()).unwrap();
        assert_eq!(**vault.open(&context(), &stored).unwrap(), *plaintext);
        assert!(plaintext.is_empty() || !sealed.as_bytes().windows(6).any(|window| window == b"secret"));
    }
}

/// Made with `AESGCM` of the Python package `cryptography` (OpenSSL): key 00…1f, nonce 64…6f, and the
/// associated data put together with `struct.pack`. It pins the format: what is stored must stay readable.
#[test]
fn the_format_is_what_another_implementation_makes() {
    const SEALED: [u8; 47] = [
        0x01, 0x61, 0x5c, 0xfd, 0xa0, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
        0x29, 0x6f, 0xaa, 0x07, 0x1a, 0x82, 0x76, 0xff, 0x4a, 0x42, 0x3b, 0x89, 0xad, 0x0b, 0x49, 0x40, 0x7a,
        0x62, 0x4a, 0xa2, 0x33, 0x58, 0x12, 0x06, 0xca, 0xcd, 0xea, 0xbb, 0xdc, 0x25,
    ];
    let vault = Vault::new(VaultKey::from_bytes(std::array::from_fn(|index| u8::try_from(index).unwrap())));
    let nonce = std::array::from_fn(|index| 100 + u8::try_from(index).unwrap());
    assert_eq!(vault.seal_with(nonce, &context(), b"attack at dawn").as_bytes(), SEALED);
    let stored = Sealed::from_bytes(SEALED).unwrap();
    assert_eq!(*vault.open(&context(), &stored).unwrap(), b"attack at dawn");
}

#[test]
fn every_flipped_bit_is_refused() {
    let vault = Vault::new(VaultKey::generate());
    let sealed = vault.seal(&context(), b"secret");
    for index in 0..sealed.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1 << bit;
            let error =
                Sealed::from_bytes(bytes).and_then(|changed| vault.open(&context(), &changed)).unwrap_err();
            match index {
                0 => assert!(matches!(error, VaultError::UnsupportedVersion { .. })),
                1..5 => assert!(matches!(error, VaultError::UnknownKey { .. })),
                _ => assert_eq!(error, VaultError::Tampered),
            }
        }
    }
    for length in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(&sealed.as_bytes()[..length]);
        assert!(cut.and_then(|cut| vault.open(&context(), &cut)).is_err(), "{length}");
    }
}

#[test]
fn it_opens_for_its_own_record_alone() {
    let vault = Vault::new(VaultKey::generate());
    let sealed = vault.seal(&context(), b"secret");
    for other in [
        SealContext { tenant: TenantId::from_bytes([2; 16]), ..context() },
        SealContext { kind: "connections", ..context() },
        SealContext { kind: "", ..context() },
        SealContext { record: &[4; 16], ..context() },
    ] {
        assert_eq!(vault.open(&other, &sealed), Err(VaultError::Tampered), "{other:?}");
    }
}

#[test]
fn keys_rotate() {
    let (old_key, new_key) = (VaultKey::generate(), VaultKey::generate());
    let old = Vault::new(old_key.clone());
    let new = Vault::new(new_key.clone()).with_retired(old_key.clone());
    let before = old.seal(&context(), b"before");
    assert_eq!(*new.open(&context(), &before).unwrap(), b"before");
    assert!(new.needs_rewrap(&before) && !old.needs_rewrap(&before));
    let after = new.seal(&context(), b"after");
    assert_eq!((after.key_id(), new.active_key()), (new_key.id(), new_key.id()));
    assert!(!new.needs_rewrap(&after));
    let unknown = VaultError::UnknownKey { key_id: new_key.id() };
    assert_eq!(old.open(&context(), &after), Err(unknown.clone()));
    assert_eq!(old.check_canary(&new.seal_canary()), Err(unknown));
    assert_eq!(new.check_canary(&old.seal_canary()), Ok(()));
    // Genuine, but not a canary.
    assert_eq!(new.check_canary(&new.seal(&CANARY_CONTEXT, b"other")), Err(VaultError::Tampered));
}

#[test]
fn nonces_never_repeat() {
    let vault = Vault::new(VaultKey::generate());
    let nonces: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| (0..25_000).map(|_| vault.seal(&context(), b"").nonce()).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), 100_000);
}

#[test]
fn keys_are_read_and_written() {
    let key = VaultKey::generate();
    let text = key.to_base64();
    for spelt in [text.to_string(), format!(" {}\n", &*text), text.trim_end_matches('=').to_owned()] {
        assert_eq!(VaultKey::from_base64(&spelt).unwrap().id(), key.id());
    }
    let error = |text: &str| VaultKey::from_base64(text).unwrap_err();
    assert_eq!(error("not a key!"), InvalidKey::NotBase64);
    assert_eq!(error("c2VjcmV0"), InvalidKey::WrongLength { bytes: 6 });
    assert_eq!(error(&"A".repeat(43)), InvalidKey::Placeholder);
}

#[test]
fn nothing_secret_is_shown() {
    let key = VaultKey::from_bytes([0xAB; 32]);
    let id = key.id().to_string();
    assert_eq!(format!("{key:?}"), format!("VaultKey({id})"));
    assert_eq!(format!("{:?}", Vault::new(key)), format!("Vault {{ keys: [{id:?}], .. }}"));
}
