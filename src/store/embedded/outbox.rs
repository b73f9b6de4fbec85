//! Messages on their way, within a transaction.

use redb::{ReadableTable as _, ReadableTableMetadata as _};

use crate::store::contract::DISCARDED_ID_TTL;
use crate::store::embedded::memory::NOTICE;
use crate::store::embedded::tables::Tables;
use crate::store::{OutboxMessage, StoreError};

pub(super) fn post(
    tables: &mut Tables<'_>,
    messages: &[OutboxMessage],
    most: u64,
) -> Result<Vec<String>, StoreError> {
    let mut refused = Vec::new();
    for message in messages {
        let id = message.id.as_str();
        let is_there = tables.messages.get(id).map_err(StoreError::new)?.is_some();
        if is_there || tables.notices_done.get(id).map_err(StoreError::new)?.is_some() {
            continue;
        }
        if tables.messages.len().map_err(StoreError::new)? >= most {
            refused.push(message.id.clone());
            continue;
        }
        put(tables, message)?;
    }
    Ok(refused)
}

pub(super) fn repost(tables: &mut Tables<'_>, message: &OutboxMessage) -> Result<(), StoreError> {
    take_out(tables, &message.id)?;
    put(tables, message)
}

pub(super) fn discard(tables: &mut Tables<'_>, id: &str, now: u64) -> Result<(), StoreError> {
    take_out(tables, id)?;
    tables.notices_done.insert(id, ()).map_err(StoreError::new)?;
    let expiry = (now + DISCARDED_ID_TTL, NOTICE, id.as_bytes());
    tables.expiries.insert(expiry, &[][..]).map_err(StoreError::new)?;
    Ok(())
}

fn take_out(tables: &mut Tables<'_>, id: &str) -> Result<(), StoreError> {
    let due = tables.messages.remove(id).map_err(StoreError::new)?.map(|kept| kept.value().0);
    if let Some(due) = due {
        tables.notices_due.remove((due, id)).map_err(StoreError::new)?;
    }
    Ok(())
}

pub(super) fn due(
    tables: &mut Tables<'_>,
    now_ms: u64,
    until_ms: u64,
    most: usize,
) -> Result<Vec<OutboxMessage>, StoreError> {
    let ids: Vec<String> = tables
        .notices_due
        .range(..(now_ms + 1, ""))
        .map_err(StoreError::new)?
        .take(most)
        .map(|item| item.map(|(key, _)| key.value().1.to_owned()).map_err(StoreError::new))
        .collect::<Result<_, _>>()?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let body =
            tables.messages.get(id.as_str()).map_err(StoreError::new)?.map(|kept| kept.value().1.to_vec());
        let Some(body) = body else { continue };
        let message = OutboxMessage { id, due_ms: until_ms, body };
        repost(tables, &message)?;
        found.push(message);
    }
    Ok(found)
}

fn put(tables: &mut Tables<'_>, message: &OutboxMessage) -> Result<(), StoreError> {
    let (id, kept) = (message.id.as_str(), (message.due_ms, message.body.as_slice()));
    tables.messages.insert(id, kept).map_err(StoreError::new)?;
    tables.notices_due.insert((message.due_ms, id), ()).map_err(StoreError::new)?;
    Ok(())
}
