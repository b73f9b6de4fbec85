//! Whether the floor is one: both servers must answer with the same, store the same, and refuse a replay.

use serde_json::Value;

use crate::shared::server::Server;
use crate::stage::{Stage, introspection_request};
use crate::{Outcome, load};

/// Exchanges one ID token at each server, introspects what comes of it, and compares.
pub(crate) fn check(stage: &Stage, servers: &[Server; 2], exchange: &[u8]) -> Outcome<()> {
    let [product, floor] = servers.each_ref().map(|server| {
        let exchanged = answer(server, exchange)?;
        let introspected = answer(server, &introspection_request(&token_of(&exchanged)?))?;
        if answer(server, exchange).is_ok() {
            return Err(format!("{} took an ID token twice", server.name).into());
        }
        Ok::<_, crate::shared::Failure>([exchanged, introspected])
    });
    for (of_product, of_floor) in product?.iter().zip(&floor?) {
        if of_product.len() != of_floor.len() || lasting(of_product)? != lasting(of_floor)? {
            let [a, b] = [of_product, of_floor].map(|body| String::from_utf8_lossy(body));
            return Err(format!("the answers differ:\n{a}\n{b}").into());
        }
    }
    let (of_product, of_floor) = (stage.stored(0)?, stage.stored(1)?);
    if of_product != of_floor {
        return Err(format!("the stores differ:\n{of_product:?}\n{of_floor:?}").into());
    }
    Ok(())
}

/// The registry token in the answer to an exchange.
pub(crate) fn token_of(body: &[u8]) -> Outcome<String> {
    let answer: Value = serde_json::from_slice(body)?;
    Ok(answer["access_token"].as_str().ok_or("an exchange brought no token")?.to_owned())
}

fn answer(server: &Server, request: &[u8]) -> Outcome<Vec<u8>> {
    let mut answer = Vec::new();
    load::send(server.address, 1, &[request.to_vec()], 1, |body| answer = body.to_vec())?;
    Ok(answer)
}

/// What two answers of different instants have in common.
fn lasting(body: &[u8]) -> Outcome<Value> {
    let mut answer: Value = serde_json::from_slice(body)?;
    let members = answer.as_object_mut().ok_or("an answer is not an object")?;
    members.retain(|name, _| !["access_token", "expires_in", "iat", "exp", "jti"].contains(&name.as_str()));
    Ok(answer)
}
