//! Messages on their way, and documents that all replicas share.

use redis::AsyncCommands as _;

use crate::store::contract::DISCARDED_ID_TTL;
use crate::store::redis::{Redis, Reply};
use crate::store::{OutboxMessage, SharedDocument, StoreError};

/// When each message is due, and what it says: together in one slot.
const DUE: &str = "trustmint:{messages}:due";
const BODIES: &str = "trustmint:{messages}:bodies";
/// What the names of those begin with that were discarded lately.
const DONE: &str = "trustmint:{messages}:done:";

impl Redis {
    pub(super) async fn post_now(
        &self,
        messages: &[OutboxMessage],
        most: u64,
    ) -> Result<Vec<String>, StoreError> {
        let mut call = self.scripts.post.prepare_invoke();
        call.key(DUE).key(BODIES).key(DONE).arg(most);
        for message in messages {
            call.arg(&message.id).arg(message.due_ms).arg(&message.body);
        }
        self.waiting
            .run_and_wait(DUE, |mut connection| async move { call.invoke_async(&mut connection).await })
            .await
    }

    pub(super) async fn due_now(
        &self,
        now_ms: u64,
        until_ms: u64,
        most: usize,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let mut call = self.scripts.due.prepare_invoke();
        call.key(DUE).key(BODIES).arg(now_ms).arg(until_ms).arg(most);
        let found: Vec<(String, Vec<u8>)> =
            self.link.run(|mut connection| async move { call.invoke_async(&mut connection).await }).await?;
        Ok(found.into_iter().map(|(id, body)| OutboxMessage { id, due_ms: until_ms, body }).collect())
    }

    pub(super) async fn repost_now(&self, messages: &[OutboxMessage]) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        for message in messages {
            pipe.zadd(DUE, &message.id, message.due_ms).ignore();
            pipe.hset(BODIES, &message.id, &message.body).ignore();
        }
        let pipe = &pipe;
        self.link.run(|mut connection| async move { pipe.exec_async(&mut connection).await }).await
    }

    pub(super) async fn discard_now(&self, id: &str) -> Result<(), StoreError> {
        self.link
            .run(|mut connection| async move {
                redis::pipe()
                    .atomic()
                    .zrem(DUE, id)
                    .hdel(BODIES, id)
                    .set_ex(format!("{DONE}{id}"), 1, DISCARDED_ID_TTL)
                    .exec_async(&mut connection)
                    .await
            })
            .await
    }

    pub(super) async fn waiting_now(&self) -> Result<u64, StoreError> {
        self.link.run(|mut connection| async move { connection.hlen(BODIES).await }).await
    }

    pub(super) async fn share_now(
        &self,
        name: &str,
        document: SharedDocument,
        ttl: u64,
    ) -> Result<(), StoreError> {
        let mut value = format!("{} ", document.at_ms).into_bytes();
        value.extend(document.bytes);
        self.link
            .run(|mut connection| async move { connection.set_ex(shared_key(name), value, ttl.max(1)).await })
            .await
    }

    pub(super) async fn shared_now(&self, name: &str) -> Result<Option<SharedDocument>, StoreError> {
        let value: Option<Vec<u8>> = self
            .link
            .run(|mut connection| async move { connection.get(shared_key(name)).await as Reply<_> })
            .await?;
        value.map(|value| parse(&value)).transpose()
    }
}

fn shared_key(name: &str) -> String {
    format!("trustmint:shared:{name}")
}

fn parse(value: &[u8]) -> Result<SharedDocument, StoreError> {
    let unreadable = || StoreError("a shared document of unknown form".to_owned());
    let space = value.iter().position(|byte| *byte == b' ').ok_or_else(unreadable)?;
    let at_ms = std::str::from_utf8(&value[..space]).ok().and_then(|text| text.parse().ok());
    Ok(SharedDocument { at_ms: at_ms.ok_or_else(unreadable)?, bytes: value[space + 1..].to_vec() })
}
