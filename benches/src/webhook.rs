//! Verifying a webhook, beside the same hash by RustCrypto alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use heysync::heylerts::webhook::{Verifier, sign};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "s3cret";

/// Nanoseconds for a body of 64 KB: the hash alone, the hash and the decoding by serde_json; `verify_signature`, `verify`.
pub(crate) fn nanoseconds() -> [f64; 4] {
    let snippet = "Eight kilometres along the harbour. ".repeat(1800);
    let mention = json!({"id": "m1", "url": "https://example.com/", "snippet": snippet});
    let body = json!({"event": "mention.created", "data": mention}).to_string().into_bytes();
    let signature = sign(SECRET, &body);
    let verifier = Verifier::new(SECRET).expect("a verifier");
    let keyed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    let hash = || drop(black_box(keyed.clone().chain_update(&body).finalize()));
    let value = || drop(black_box(serde_json::from_slice::<Value>(&body)));
    let hash_and_value = || (hash(), value()).1;
    let signature_alone = || drop(black_box(verifier.verify_signature(&body, Some(&signature))));
    let whole = || drop(black_box(verifier.verify(&body, Some(&signature))));
    let runs: [&dyn Fn(); 4] = [&hash, &hash_and_value, &signature_alone, &whole];
    // In turns, so that a busy machine is as unfair to one as to the other.
    let mut least = [Duration::MAX; 4];
    for _ in 0..300 {
        for (least, run) in least.iter_mut().zip(runs) {
            let began = Instant::now();
            (0..10).for_each(|_| run());
            *least = (*least).min(began.elapsed() / 10);
        }
    }
    least.map(|least| least.as_nanos() as f64)
}
