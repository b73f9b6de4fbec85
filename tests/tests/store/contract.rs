//! What every store promises, one function per promise. Each store's own file runs all of them as tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trustmint::clock::Clock as _;
use trustmint::store::{
    CutOffAction, Entry, Mint, MintOutcome, OutboxMessage, Revocation, RevocationReason, RevocationTarget,
    RevokedEntry, Selector, SharedDocument, TombstoneRetention,
};
use trustmint::token::TokenHash;

use super::world::{REMEMBRANCE, TTL, World, again, fresh, on_package};

/// Defines one test per promise, each on an empty store. `$start` starts it, and returns what it needs to run
/// beside it.
macro_rules! test_contract {
    ($start:path) => {
        $crate::contract::test_contract! {
            $start:
            refuses_id_token_older_than_store,
            mints_one_token_per_id_token,
            mints_one_token_under_concurrency,
            mints_one_token_per_npm_package,
            refuses_package_after_whole_and_reverse,
            limits_tokens_per_run,
            limits_tokens_per_run_under_concurrency,
            revoked_token_stays_revoked,
            revokes_all_tokens_of_a_run,
            revokes_run_with_every_first_byte,
            revokes_all_tokens_of_an_id_token,
            retains_revocation_cause_for_seven_days,
            tells_ended_token_from_unknown_token,
            keeps_message_until_discarded,
            shares_documents_between_replicas,
            keeps_latest_cut_off_per_selector,
            bounds_tombstones,
        }
    };
    ($start:path: $($promise:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let (world, _server) = $start().await;
                // The epoch of a store refuses ID tokens of the second in which it began.
                world.clock.advance(10);
                $crate::contract::$promise(&world).await;
            }
        )+
    };
}
pub(crate) use test_contract;

pub async fn refuses_id_token_older_than_store(world: &World) {
    for (issued_at, expected) in [
        (world.born - 1, MintOutcome::Reset),
        (world.born, MintOutcome::Reset),
        (world.born + 1, MintOutcome::Minted),
    ] {
        let mut mint = world.mint();
        mint.issued_at = issued_at;
        assert_eq!(world.answer(&mint).await, expected, "born {}, issued {issued_at}", world.born);
        let kept = world.store.find(mint.tag, mint.hash).await.expect("an answer").is_some();
        assert_eq!(kept, expected == MintOutcome::Minted, "a refusal keeps nothing");
    }
}

pub async fn mints_one_token_per_id_token(world: &World) {
    let mint = world.mint();
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted, "a repeated mint finds its own hash");
    let other = again(&mint);
    assert_eq!(world.answer(&other).await, MintOutcome::Replayed);
    assert_eq!(world.answer(&again(&mint)).await, MintOutcome::Replayed);

    let Some(Entry::Minted(record)) = world.store.find(mint.tag, mint.hash).await.expect("an answer") else {
        panic!("the token is not there")
    };
    assert_eq!(format!("{record:?}"), format!("{:?}", mint.record));
    assert!(world.store.find(other.tag, other.hash).await.expect("an answer").is_none());

    // Another ID token of the same run is another matter.
    let mut sibling = again(&mint);
    sibling.replay_key = fresh();
    assert_eq!(world.answer(&sibling).await, MintOutcome::Minted);

    // The record of the replay outlives the token.
    world.advance(TTL + 1);
    assert_eq!(world.answer(&again(&mint)).await, MintOutcome::Replayed);
}

pub async fn mints_one_token_under_concurrency(world: &World) {
    let mint = world.mint();
    let attempts: Vec<_> = (0..64)
        .map(|_| {
            let (store, mint) = (Arc::clone(&world.store), Arc::new(again(&mint)));
            tokio::spawn(async move { (mint.hash, store.mint(mint).await.expect("an answer")) })
        })
        .collect();
    let mut minted = Vec::new();
    for attempt in attempts {
        match attempt.await.expect("no panic") {
            (hash, MintOutcome::Minted) => minted.push(hash),
            (_, other) => assert_eq!(other, MintOutcome::Replayed),
        }
    }
    let [hash] = minted[..] else { panic!("{} tokens for one ID token", minted.len()) };
    assert!(world.store.find(mint.tag, hash).await.expect("an answer").is_some());
}

pub async fn mints_one_token_per_npm_package(world: &World) {
    let mint = world.mint();
    let first = on_package(&mint, "a");
    assert_eq!(world.answer(&first).await, MintOutcome::Minted);
    assert_eq!(world.answer(&on_package(&mint, "b")).await, MintOutcome::Minted);
    assert_eq!(world.answer(&on_package(&mint, "a")).await, MintOutcome::Replayed, "one token a package");

    let mut elsewhere = on_package(&mint, "c");
    elsewhere.record.registry = "npm-internal".into();
    assert_eq!(world.answer(&elsewhere).await, MintOutcome::Replayed, "packages of one registry only");

    assert_eq!(world.answer(&on_package(&mint, "c")).await, MintOutcome::Minted);
    assert_eq!(world.answer(&on_package(&mint, "d")).await, MintOutcome::Replayed, "up to max_packages");
    assert_eq!(world.answer(&first).await, MintOutcome::Minted, "a repeated mint, even when all are used up");
}

pub async fn refuses_package_after_whole_and_reverse(world: &World) {
    let whole = world.mint();
    assert_eq!(world.answer(&whole).await, MintOutcome::Minted);
    assert_eq!(world.answer(&on_package(&whole, "a")).await, MintOutcome::Replayed);

    let mint = world.mint();
    assert_eq!(world.answer(&on_package(&mint, "a")).await, MintOutcome::Minted);
    assert_eq!(world.answer(&again(&mint)).await, MintOutcome::Replayed);
}

pub async fn limits_tokens_per_run(world: &World) {
    let mint = world.mint();
    let limits = |limits: &[(&str, u32)]| -> Vec<(Arc<str>, u32)> {
        limits.iter().map(|(policy, most)| ((*policy).into(), *most)).collect()
    };
    let next = |tokens_per_run: &[(&str, u32)]| {
        let tokens_per_run = limits(tokens_per_run);
        Mint { replay_key: fresh(), tokens_per_run, ..again(&mint) }
    };
    assert_eq!(world.answer(&next(&[])).await, MintOutcome::Minted, "what no policy limits is not counted");
    let first = next(&[("a", 2)]);
    for _ in 0..3 {
        assert_eq!(world.answer(&first).await, MintOutcome::Minted, "a repeated mint counts once");
    }
    assert_eq!(world.answer(&next(&[("a", 2), ("b", 1)])).await, MintOutcome::Minted);
    let third = next(&[("a", 2)]);
    assert_eq!(world.answer(&third).await, MintOutcome::Exhausted);
    let kept = world.store.find(third.tag, third.hash).await.expect("an answer").is_some();
    assert!(!kept, "a refusal keeps nothing");
    // What is refused counts under no policy, and burns no ID token.
    assert_eq!(world.answer(&next(&[("b", 2), ("a", 2)])).await, MintOutcome::Exhausted);
    assert_eq!(world.answer(&next(&[("b", 2)])).await, MintOutcome::Minted);
    let raised = Mint { tokens_per_run: limits(&[("a", 3)]), ..again(&third) };
    assert_eq!(world.answer(&raised).await, MintOutcome::Minted);

    // Neither a token's end nor its death makes room, and other runs have their own.
    world.revoke(&first, world.revoked(RevocationReason::Revoked)).await;
    assert_eq!(world.answer(&next(&[("a", 3)])).await, MintOutcome::Exhausted);
    world.advance(TTL + 1);
    let late = Mint { issued_at: world.clock.now(), now: world.clock.now(), ..next(&[("a", 3)]) };
    assert_eq!(world.answer(&late).await, MintOutcome::Exhausted);
    let elsewhere = Mint { tokens_per_run: limits(&[("a", 1)]), ..world.mint() };
    assert_eq!(world.answer(&elsewhere).await, MintOutcome::Minted);

    // Without a run, what one ID token is spent on is counted.
    let mut mint = world.mint();
    (mint.record.run, mint.tokens_per_run) = (None, limits(&[("a", 1)]));
    mint.record.id_token = Some(mint.replay_key);
    assert_eq!(world.answer(&on_package(&mint, "a")).await, MintOutcome::Minted);
    assert_eq!(world.answer(&on_package(&mint, "b")).await, MintOutcome::Exhausted);
    mint.replay_key = fresh();
    mint.record.id_token = Some(mint.replay_key);
    assert_eq!(world.answer(&on_package(&mint, "b")).await, MintOutcome::Minted);
}

pub async fn limits_tokens_per_run_under_concurrency(world: &World) {
    let mut mint = world.mint();
    mint.tokens_per_run = vec![("a".into(), 5), ("b".into(), 7)];
    let attempts: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&world.store);
            let mint = Arc::new(Mint { replay_key: fresh(), ..again(&mint) });
            tokio::spawn(async move { store.mint(mint).await.expect("an answer") })
        })
        .collect();
    let mut minted = 0;
    for attempt in attempts {
        match attempt.await.expect("no panic") {
            MintOutcome::Minted => minted += 1,
            other => assert_eq!(other, MintOutcome::Exhausted),
        }
    }
    assert_eq!(minted, 5);
}

pub async fn revoked_token_stays_revoked(world: &World) {
    let mint = world.mint();
    let find = || async { world.store.find(mint.tag, mint.hash).await.expect("an answer") };

    assert!(world.revoke(&mint, world.revoked(RevocationReason::Revoked)).await.is_empty(), "never minted");
    assert!(find().await.is_none());

    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
    let first = world.revoked(RevocationReason::Revoked);
    let corpses = world.revoke(&mint, first).await;
    assert!(matches!(&corpses[..], [(_, Entry::Dead(by, record))]
        if *by == first && record.run == mint.record.run));
    assert_eq!(dead(find().await), first);
    assert_eq!(
        killed_by(&world.revoke(&mint, first).await),
        [(mint.hash, first)],
        "who asks again, knows its own"
    );

    world.advance(5);
    let second = world.revoked(RevocationReason::Leaked);
    assert_eq!(killed_by(&world.revoke(&mint, second).await), [(mint.hash, first)], "others see the first");
    assert_eq!(dead(find().await), first, "and change nothing");
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted, "a repeated mint is answered as before");
    assert_eq!(dead(find().await), first, "and brings no one back");

    // What has ended may be known or forgotten; killing it is not an error, and brings no one back.
    let ended = world.mint();
    assert_eq!(world.answer(&ended).await, MintOutcome::Minted);
    world.advance(TTL);
    let late = world.revoked(RevocationReason::Revoked);
    world.revoke(&ended, late).await;
    let left = world.store.find(ended.tag, ended.hash).await.expect("an answer");
    assert!(left.is_none_or(|entry| dead(Some(entry)) == late));
}

/// Runs of more tokens than one script kills; and no one of another run.
pub async fn revokes_all_tokens_of_a_run(world: &World) {
    let first = world.mint();
    let sibling = || Mint { replay_key: fresh(), ..again(&first) };
    let siblings: Vec<_> = std::iter::repeat_with(sibling).take(600).collect();
    let stranger = Mint { tag: first.tag, ..world.mint() };
    for mint in siblings.iter().chain([&first, &stranger]) {
        assert_eq!(world.answer(mint).await, MintOutcome::Minted);
    }
    let early = world.revoked(RevocationReason::Revoked);
    world.revoke(&siblings[0], early).await;

    let revoked = world.revoked(RevocationReason::Leaked);
    let together: Arc<[RevocationTarget]> = [
        RevocationTarget {
            tag: first.tag,
            tokens: vec![first.hash],
            family: Some(first.record.family()),
            cause: None,
        },
        RevocationTarget { tag: first.tag, tokens: vec![TokenHash(fresh())], family: None, cause: None },
    ]
    .into();
    for _ in 0..2 {
        let corpses = world.store.revoke(Arc::clone(&together), revoked).await.expect("an answer");
        assert!(corpses[1].is_empty());
        let mut by = killed_by(&corpses[0]);
        by.sort_by_key(|(hash, _)| *hash);
        let mut expected: Vec<_> =
            siblings[1..].iter().chain([&first]).map(|mint| (mint.hash, revoked)).collect();
        expected.push((siblings[0].hash, early));
        expected.sort_by_key(|(hash, _)| *hash);
        assert_eq!(by, expected);
    }
    for mint in siblings.iter().chain([&first]) {
        dead(world.store.find(mint.tag, mint.hash).await.expect("an answer"));
    }
    let alive = world.store.find(stranger.tag, stranger.hash).await.expect("an answer");
    assert!(matches!(alive, Some(Entry::Minted(_))));
}

/// A hash is 32 arbitrary bytes: neither the bounds of a range nor what a byte means in a pattern may
/// leave one out.
pub async fn revokes_run_with_every_first_byte(world: &World) {
    let first = world.mint();
    let run: Vec<_> = (0..=u8::MAX)
        .map(|byte| Mint { replay_key: fresh(), hash: TokenHash([byte; 32]), ..first.clone() })
        .collect();
    for mint in &run {
        assert_eq!(world.answer(mint).await, MintOutcome::Minted);
    }
    let family = Some(first.record.family());
    let targets = [RevocationTarget { tag: first.tag, tokens: Vec::new(), family, cause: None }].into();
    let revoked = world.revoked(RevocationReason::Leaked);
    let revoked_entries = world.store.revoke(targets, revoked).await.expect("an answer");
    let expected: Vec<_> = run.iter().map(|mint| (mint.hash, revoked)).collect();
    assert_eq!(killed_by(&revoked_entries[0]), expected);
    for mint in &run {
        assert_eq!(dead(world.store.find(mint.tag, mint.hash).await.expect("an answer")), revoked);
    }
}

pub async fn revokes_all_tokens_of_an_id_token(world: &World) {
    let mut mint = world.mint();
    mint.record.run = None;
    mint.record.id_token = Some(mint.replay_key);
    let (first, second) = (on_package(&mint, "a"), on_package(&mint, "b"));
    let mut other = Mint { replay_key: fresh(), ..on_package(&mint, "c") };
    other.record.id_token = Some(other.replay_key);
    for mint in [&first, &second, &other] {
        assert_eq!(world.answer(mint).await, MintOutcome::Minted);
    }
    let family = Some(first.record.family());
    let targets = [RevocationTarget { tag: first.tag, tokens: vec![first.hash], family, cause: None }].into();
    let corpses =
        world.store.revoke(targets, world.revoked(RevocationReason::Leaked)).await.expect("an answer");
    assert_eq!(corpses[0].len(), 2);
    dead(world.store.find(second.tag, second.hash).await.expect("an answer"));
    let alive = world.store.find(other.tag, other.hash).await.expect("an answer");
    assert!(matches!(alive, Some(Entry::Minted(_))));
}

/// A message about it may be on its way for longer than the token would have lived.
pub async fn retains_revocation_cause_for_seven_days(world: &World) {
    let mint = world.mint();
    assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
    let revoked = world.revoked(RevocationReason::Leaked);
    world.revoke(&mint, revoked).await;
    world.advance(7 * 86_400 - 60);
    assert_eq!(
        world.answer(&world.mint()).await,
        MintOutcome::Minted,
        "a write, with which things are forgotten"
    );
    assert_eq!(dead(world.store.find(mint.tag, mint.hash).await.expect("an answer")), revoked);
}

pub async fn tells_ended_token_from_unknown_token(world: &World) {
    let look = |mint: &Mint| {
        let (tokens, now) = (vec![(mint.tag, mint.hash)], world.clock.now());
        async move { world.store.get_many(tokens, REMEMBRANCE, now).await.expect("an answer").remove(0) }
    };
    let (ended, revoked, never) = (world.mint(), world.mint(), world.mint());
    assert_eq!(world.answer(&ended).await, MintOutcome::Minted);
    assert_eq!(world.answer(&revoked).await, MintOutcome::Minted);
    assert!(matches!(look(&ended).await, Some(Entry::Minted(_))));
    world.revoke(&revoked, world.revoked(RevocationReason::Revoked)).await;
    assert!(matches!(look(&revoked).await, Some(Entry::Dead(..))));
    assert!(look(&never).await.is_none());

    for (advance, remembered) in [(TTL + 61, true), (20 * 86_400, true), (18 * 86_400, false)] {
        world.advance(advance);
        assert_eq!(
            world.answer(&world.mint()).await,
            MintOutcome::Minted,
            "a write, with which things are forgotten"
        );
        for mint in [&ended, &revoked] {
            match look(mint).await {
                Some(Entry::Ended) => assert!(remembered, "after {advance} s more"),
                None => assert!(!remembered, "after {advance} s more"),
                other => panic!("the record outlives its token: {other:?}"),
            }
        }
        assert!(look(&never).await.is_none());
    }
}

pub async fn keeps_message_until_discarded(world: &World) {
    let store = &world.store;
    let message =
        |id: &str, due_ms, body: &str| OutboxMessage { id: id.to_owned(), due_ms, body: body.into() };
    let ids = |due: Vec<OutboxMessage>| due.into_iter().map(|message| message.id).collect::<Vec<_>>();
    assert_eq!(store.waiting().await.expect("an answer"), 0);
    let three = vec![message("a", 30, "1"), message("b", 10, "2"), message("c", 20, "3")];
    assert!(store.post(three, 3).await.expect("an answer").is_empty());
    let more = vec![message("a", 5, "other"), message("d", 5, "4")];
    assert_eq!(store.post(more, 3).await.expect("an answer"), ["d"], "one is there, the other finds no room");
    assert_eq!(store.waiting().await.expect("an answer"), 3);

    assert!(store.due(9, 100, 9).await.expect("an answer").is_empty());
    let due = store.due(25, 100, 9).await.expect("an answer");
    assert_eq!(due, [message("b", 100, "2"), message("c", 100, "3")]);
    assert!(store.due(25, 100, 9).await.expect("an answer").is_empty(), "they are someone's to see to");
    assert_eq!(ids(store.due(100, 200, 2).await.expect("an answer")), ["a", "b"], "the longest due first");
    assert_eq!(ids(store.due(100, 200, 9).await.expect("an answer")), ["c"]);

    store.repost(vec![message("a", 50, "5"), message("e", 60, "6")]).await.expect("an answer");
    let due = store.due(60, 300, 9).await.expect("an answer");
    assert_eq!(due, [message("a", 300, "5"), message("e", 300, "6")]);
    for id in ["a", "b", "c", "e", "never"] {
        store.discard(id.to_owned(), world.clock.now()).await.expect("an answer");
    }
    assert!(store.due(u64::from(u32::MAX), 1, 9).await.expect("an answer").is_empty());
    assert_eq!(store.waiting().await.expect("an answer"), 0);
    assert!(store.post(vec![message("a", 30, "late")], 3).await.expect("an answer").is_empty());
    assert_eq!(store.waiting().await.expect("an answer"), 0, "its name was someone's lately");
}

pub async fn shares_documents_between_replicas(world: &World) {
    let store = &world.store;
    assert!(store.shared("keys".to_owned()).await.expect("an answer").is_none());
    for bytes in [&b"\x00 {} \xff"[..], b""] {
        let document = SharedDocument { at_ms: world.clock.now_ms(), bytes: bytes.to_vec() };
        store.share("keys".to_owned(), document.clone(), 60).await.expect("an answer");
        assert_eq!(store.shared("keys".to_owned()).await.expect("an answer"), Some(document));
    }
    assert!(store.shared("other".to_owned()).await.expect("an answer").is_none());
}

/// The oldest tombstones are removed for new ones.
pub async fn bounds_tombstones(world: &World) {
    let tombstone_retention =
        TombstoneRetention { ttl: 30 * 86_400, most: world.bound_of_twenty_tombstones() };
    let tag = world.mint().tag;
    let mut minted = Vec::new();
    for _ in 0..100 {
        let mint = Mint { tag, tombstone_retention, ..world.mint() };
        assert_eq!(world.answer(&mint).await, MintOutcome::Minted);
        minted.push(mint);
    }
    world.advance(TTL + 61);
    assert_eq!(world.answer(&Mint { tag, tombstone_retention, ..world.mint() }).await, MintOutcome::Minted);
    let tokens = minted.iter().map(|mint| (mint.tag, mint.hash)).collect();
    let found =
        world.store.get_many(tokens, tombstone_retention, world.clock.now()).await.expect("an answer");
    let remembered = found.iter().filter(|entry| matches!(entry, Some(Entry::Ended))).count();
    let forgotten = found.iter().filter(|entry| entry.is_none()).count();
    assert_eq!(remembered + forgotten, 100, "the records have ended, and tombstones are what is left");
    // One of the twenty may be the last mint's.
    assert!((19..=20).contains(&remembered), "{remembered}");
}

fn dead(entry: Option<Entry>) -> Revocation {
    match entry {
        Some(Entry::Dead(revoked, _)) => revoked,
        other => panic!("not dead: {other:?}"),
    }
}

fn killed_by(corpses: &[RevokedEntry]) -> Vec<(TokenHash, Revocation)> {
    corpses.iter().map(|(hash, entry)| (*hash, dead(Some(entry.clone())))).collect()
}

pub async fn keeps_latest_cut_off_per_selector(world: &World) {
    let at = world.clock.now_ms();
    let registry = Selector { registry: Some("pypi".to_owned()), ..Selector::default() };
    let both = Selector { issuer: Some("git|hub \"é".to_owned()), ..registry.clone() };
    let cut_off_route = |selector: &Selector, action, at| {
        let selector = selector.clone();
        async move { world.store.set_cut_off(selector, action, at).await.expect("an answer") }
    };
    let read = |selector: &Selector| {
        let selector = selector.clone();
        async move {
            let all = world.store.cut_offs().await.expect("an answer");
            all.into_iter().find(|cut_off| cut_off.selector == selector).map(|cut_off| cut_off.until_ms)
        }
    };
    assert!(world.store.cut_offs().await.expect("an answer").is_empty());
    cut_off_route(&registry, CutOffAction::Resume, at).await;
    assert_eq!(read(&registry).await, None, "nothing was suspended");
    cut_off_route(&registry, CutOffAction::Revoke, at).await;
    cut_off_route(&registry, CutOffAction::Revoke, at - 5).await;
    assert_eq!(read(&registry).await, Some(Some(at)), "a kill never takes another one back");
    cut_off_route(&registry, CutOffAction::Suspend, at).await;
    cut_off_route(&registry, CutOffAction::Revoke, at + 1).await;
    cut_off_route(&registry, CutOffAction::Remove, at + 1_000_000).await;
    assert_eq!(read(&registry).await, Some(None), "only resuming ends a suspension");
    cut_off_route(&both, CutOffAction::Revoke, at).await;
    cut_off_route(&registry, CutOffAction::Resume, at + 10).await;
    assert_eq!(read(&registry).await, Some(Some(at + 10)), "what it killed stays dead");
    cut_off_route(&registry, CutOffAction::Remove, at + 10).await;
    assert_eq!(read(&registry).await, Some(Some(at + 10)));
    cut_off_route(&registry, CutOffAction::Remove, at + 11).await;
    assert_eq!(read(&registry).await, None);
    assert_eq!(read(&both).await, Some(Some(at)), "one selector's switch is no one else's");
    cut_off_route(&both, CutOffAction::Remove, at + 1).await;

    // Thrown by several at once, the latest instant wins.
    let throws = (0..8).map(|n| {
        let (store, selector) = (Arc::clone(&world.store), registry.clone());
        tokio::spawn(async move {
            store.set_cut_off(selector, CutOffAction::Revoke, at + n).await.expect("an answer")
        })
    });
    for applied in throws.collect::<Vec<_>>() {
        applied.await.expect("no panic");
    }
    assert_eq!(read(&registry).await, Some(Some(at + 7)));
    cut_off_route(&registry, CutOffAction::Remove, at + 8).await;
}

/// Leaves something behind; returns what must be found again after a reopening.
pub struct Kept {
    live: Mint,
    revoked: (Mint, Revocation),
    selector: Selector,
}

impl Kept {
    pub async fn leave(world: &World) -> Self {
        let (live, revoked) = (world.mint(), world.mint());
        assert_eq!(world.answer(&live).await, MintOutcome::Minted);
        assert_eq!(world.answer(&revoked).await, MintOutcome::Minted);
        let by = world.revoked(RevocationReason::Revoked);
        world.revoke(&revoked, by).await;
        let selector = Selector { policy: Some("widget-release".to_owned()), ..Selector::default() };
        world
            .store
            .set_cut_off(selector.clone(), CutOffAction::Suspend, world.clock.now_ms())
            .await
            .expect("thrown");
        Self { live, revoked: (revoked, by), selector }
    }

    pub async fn is_found(&self, world: &World) {
        let find =
            |tag, hash: TokenHash| async move { world.store.find(tag, hash).await.expect("an answer") };
        assert!(matches!(find(self.live.tag, self.live.hash).await, Some(Entry::Minted(_))));
        assert_eq!(dead(find(self.revoked.0.tag, self.revoked.0.hash).await), self.revoked.1);
        assert_eq!(world.answer(&again(&self.live)).await, MintOutcome::Replayed);
        assert_eq!(world.answer(&again(&self.revoked.0)).await, MintOutcome::Replayed);
        let cut_offs = world.store.cut_offs().await.expect("an answer");
        assert_eq!(cut_offs.len(), 1);
        assert_eq!((&cut_offs[0].selector, cut_offs[0].until_ms), (&self.selector, None));
        // The operator's switch is taken back for anyone who comes next. A connection that died with
        // its server is noticed by the first who asks, who asks again.
        let deadline = Instant::now() + Duration::from_secs(10);
        for (action, at) in [(CutOffAction::Resume, 1), (CutOffAction::Remove, 2)] {
            while let Err(error) = world.store.set_cut_off(self.selector.clone(), action, at).await {
                assert!(Instant::now() < deadline, "{error}");
            }
        }
        assert!(world.store.cut_offs().await.expect("an answer").is_empty());
    }
}
