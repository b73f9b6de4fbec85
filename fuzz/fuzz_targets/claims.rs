//! The claims reader: what it accepts, another JSON reader understands in the same way, and has no
//! name twice; every claim is found under its address, and no address makes it panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trustmint::identity::{Claim, Claims};

fuzz_target!(|data: &[u8]| {
    let Ok(claims) = Claims::parse(data) else { return };
    let value: Value = serde_json::from_slice(data).expect("accepted by the strict reader only");
    same_object(&claims, &value);

    // Written by the other reader, where no name can occur twice, it is accepted again.
    let written = Claims::parse(value.to_string().as_bytes()).expect("refused when written plainly");
    assert_eq!(written, claims, "{value}");

    for (name, claim) in claims.iter() {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let expected = Some(claim).filter(|claim| **claim != Claim::Null);
        assert_eq!(claims.at(&pointer), expected, "{pointer}");
        // A name that looks like a pointer is read as one.
        let _ = claims.at(name);
        if let Claim::Text(text) = claim {
            let _ = (claims.at(text), claims.at(&format!("{pointer}/{text}")));
        }
    }
});

fn same_object(claims: &Claims, value: &Value) {
    let members = value.as_object().expect("an object");
    assert_eq!(claims.iter().count(), members.len(), "a name occurs twice in {value}");
    for (name, claim) in claims.iter() {
        same(claim, members.get(name).expect("the same names"));
    }
}

fn same(claim: &Claim, value: &Value) {
    match claim {
        Claim::Null => assert!(value.is_null()),
        Claim::Bool(flag) => assert_eq!(value.as_bool(), Some(*flag)),
        Claim::Int(number) => assert_eq!(value.as_i64(), Some(*number)),
        Claim::Float => assert!(value.is_number() && value.as_i64().is_none(), "{value}"),
        Claim::Text(text) => assert_eq!(value.as_str(), Some(text.as_str())),
        Claim::List(items) => {
            let others = value.as_array().expect("an array");
            assert_eq!(items.len(), others.len());
            items.iter().zip(others).for_each(|(item, other)| same(item, other));
        }
        Claim::Object(inner) => same_object(inner, value),
    }
}
