//! Tokens in Redis are encrypted when a key is given, and read with the right key in their own place alone.

use std::time::Duration;

use canva_connect::BoxError;
use canva_connect::auth::{TokenStore, Tokens};
use canva_connect_redis::{EncryptionKey, Redis, StoreError};

use crate::server::Server;

const USER: &str = "ada";
const ROW: &str = "canva-connect:tokens:{ada}";
const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const OTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn keys<const N: usize>(keys: [&str; N]) -> [EncryptionKey; N] {
    keys.map(|key| key.parse().unwrap())
}

/// Everything that Redis keeps, as it writes it to the disk.
fn dump(server: &Server) -> Vec<u8> {
    let mut connection = server.connect();
    let () = redis::cmd("CONFIG").arg("SET").arg("rdbcompression").arg("no").query(&mut connection).unwrap();
    let () = redis::cmd("SAVE").query(&mut connection).unwrap();
    let (_, directory): (String, String) = redis::cmd("CONFIG").arg("GET").arg("dir").query(&mut connection).unwrap();
    std::fs::read(std::path::Path::new(&directory).join("dump.rdb")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_is_in_the_clear_when_a_key_is_given() {
    let Some(server) = Server::start() else { return };
    let redis = server.open();
    let (access, refresh) = ("access-8fb1c2d0e7a94b36", "refresh-55d1e0c7b2f84a96");
    let tokens = Tokens::new(access, refresh, Duration::from_secs(3600));
    // Eight characters of a token would be found; so would both tokens without a key.
    let pieces = |token: &'static str| token.as_bytes().windows(8);
    let found = |dump: &[u8]| {
        let found = |piece: &[u8]| dump.windows(piece.len()).any(|it| it == piece);
        pieces(access).chain(pieces(refresh)).filter(|piece| found(piece)).count()
    };
    redis.clone().encryption_keys(keys([KEY])).store(USER).save(&tokens).await.unwrap();
    assert_eq!(found(&dump(&server)), 0);
    redis.store("open").save(&tokens).await.unwrap();
    assert_eq!(found(&dump(&server)), pieces(access).chain(pieces(refresh)).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_read_with_the_right_key_in_their_own_place_alone() {
    let Some(server) = Server::start() else { return };
    let redis = server.open();
    let tokens = Tokens::new("an-access-token", "a-refresh-token", Duration::from_secs(3600));
    let with = |given: &[&str]| {
        let keys: Vec<EncryptionKey> = given.iter().map(|key| key.parse().unwrap()).collect();
        redis.clone().encryption_keys(keys)
    };
    let error = |loaded: Result<Option<Tokens>, BoxError>| {
        let error = loaded.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(![KEY, OTHER_KEY, "an-access-token", "a-refresh-token"].iter().any(|it| shown.contains(it)), "{shown}");
        *error.downcast::<StoreError>().unwrap()
    };
    let old = with(&[KEY]);
    old.store(USER).save(&tokens).await.unwrap();
    assert_eq!(old.store(USER).load().await.unwrap().unwrap(), tokens);
    assert!(matches!(error(with(&[OTHER_KEY]).store(USER).load().await), StoreError::WrongKey));
    assert!(matches!(error(redis.store(USER).load().await), StoreError::NoKey));

    // A new key writes, and both read, until everybody has it.
    let new = with(&[OTHER_KEY, KEY]);
    assert_eq!(new.store(USER).load().await.unwrap().unwrap(), tokens);
    new.store(USER).save(&tokens).await.unwrap();
    assert_eq!(with(&[OTHER_KEY]).store(USER).load().await.unwrap().unwrap(), tokens);
    assert!(matches!(error(old.store(USER).load().await), StoreError::WrongKey));

    // One user's tokens are nobody else's, and no byte of them can be changed.
    let mut connection = server.connect();
    let sealed: Vec<u8> = redis::cmd("HGET").arg(ROW).arg("tokens").query(&mut connection).unwrap();
    let mut put = |user: &str, value: &[u8]| {
        let key = format!("canva-connect:tokens:{{{user}}}");
        let () = redis::cmd("HSET").arg(key).arg("tokens").arg(value).query(&mut connection).unwrap();
    };
    put("eve", &sealed);
    assert!(matches!(error(new.store("eve").load().await), StoreError::WrongKey));
    for (place, byte) in sealed.iter().enumerate() {
        let mut changed = sealed.clone();
        changed[place] = byte ^ 1;
        put(USER, &changed);
        let error = error(new.store(USER).load().await);
        assert!(matches!(error, StoreError::WrongKey | StoreError::InTheClear), "{place}: {error:?}");
    }
    for length in 0..sealed.len() {
        put(USER, &sealed[..length]);
        let error = error(new.store(USER).load().await);
        assert!(matches!(error, StoreError::WrongKey | StoreError::InTheClear), "{length}: {error:?}");
    }

    // Nor are tokens taken that somebody else put there.
    put(USER, &serde_json::to_vec(&tokens).unwrap());
    assert!(matches!(error(new.store(USER).load().await), StoreError::InTheClear));
    assert_eq!(redis.store(USER).load().await.unwrap().unwrap(), tokens);
    put(USER, b"{\"access_token\":\"an-access-token\"}");
    assert!(matches!(error(redis.store(USER).load().await), StoreError::Unreadable { .. }));
}

#[test]
fn a_key_is_32_bytes_and_is_never_shown() {
    for text in ["", "secret", &KEY[..43], "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeA=="] {
        let error = text.parse::<EncryptionKey>().unwrap_err();
        assert!(error.to_string().contains("32 bytes") && (text.is_empty() || !error.to_string().contains(text)));
    }
    let redis = Redis::open("redis://user:pass-word@127.0.0.1/").unwrap().encryption_keys(keys([KEY, OTHER_KEY]));
    let shown = format!("{redis:?} {:?} {:?}", redis.store(USER), keys([KEY]));
    assert!(![&KEY[..8], &OTHER_KEY[..8], "pass-word", "171"].iter().any(|it| shown.contains(it)), "{shown}");
}
