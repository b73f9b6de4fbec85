//! Messages on their way, within a transaction.

use redb::{ReadableTable as _, ReadableTableMetadata as _};

use crate::store::embedded::memory::NOTICE;
use crate::store::embedded::tables::Tables;
use crate::store::contract::NOTICE_MEMORY;
use crate::store::{Notice, StoreError};

pub(super) fn post(
    tables: &mut Tables<'_>,
    notices: &[Notice],
    most: u64,
) -> Result<Vec<String>, StoreError> {
    let mut refused = Vec::new();
    for notice in notices {
        let id = notice.id.as_str();
        let is_there = tables.notices.get(id).map_err(StoreError::new)?.is_some();
        if is_there || tables.notices_done.get(id).map_err(StoreError::new)?.is_some() {
            continue;
        }
        if tables.notices.len().map_err(StoreError::new)? >= most {
            refused.push(notice.id.clone());
            continue;
        }
        put(tables, notice)?;
    }
    Ok(refused)
}

pub(super) fn repost(tables: &mut Tables<'_>, notice: &Notice) -> Result<(), StoreError> {
    take_out(tables, &notice.id)?;
    put(tables, notice)
}

pub(super) fn discard(tables: &mut Tables<'_>, id: &str, now: u64) -> Result<(), StoreError> {
    take_out(tables, id)?;
    tables.notices_done.insert(id, ()).map_err(StoreError::new)?;
    let expiry = (now + NOTICE_MEMORY, NOTICE, id.as_bytes());
    tables.expiries.insert(expiry, &[][..]).map_err(StoreError::new)?;
    Ok(())
}

fn take_out(tables: &mut Tables<'_>, id: &str) -> Result<(), StoreError> {
    let due = tables.notices.remove(id).map_err(StoreError::new)?.map(|kept| kept.value().0);
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
) -> Result<Vec<Notice>, StoreError> {
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
            tables.notices.get(id.as_str()).map_err(StoreError::new)?.map(|kept| kept.value().1.to_vec());
        let Some(body) = body else { continue };
        let notice = Notice { id, due_ms: until_ms, body };
        repost(tables, &notice)?;
        found.push(notice);
    }
    Ok(found)
}

fn put(tables: &mut Tables<'_>, notice: &Notice) -> Result<(), StoreError> {
    let (id, kept) = (notice.id.as_str(), (notice.due_ms, notice.body.as_slice()));
    tables.notices.insert(id, kept).map_err(StoreError::new)?;
    tables.notices_due.insert((notice.due_ms, id), ()).map_err(StoreError::new)?;
    Ok(())
}
