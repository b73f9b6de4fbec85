//! Reading `[[policy.test]]` tables.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use crate::denial::Reason;
use crate::identity::{Claim, Claims, IssuerSettings};
use crate::policy::source::documents::conditions::require_known_claim;
use crate::policy::tools::testing::{Expect, Test};
use crate::toml_reader::{Located, Section, closest};

/// The tests of one policy; those that make no sense are noted and left out.
pub(in crate::policy) fn read_tests(
    section: &Section<'_>,
    issuer: Option<&Arc<IssuerSettings>>,
) -> Vec<Test> {
    section.list("test").into_iter().filter_map(|test| read_test(test, issuer)).collect()
}

fn read_test(section: Section<'_>, issuer: Option<&Arc<IssuerSettings>>) -> Option<Test> {
    let name = section.required("name", "\"a branch cannot publish\"");
    let claims = section.section("claims").map(|table| read_claims(table, issuer)).unwrap_or_default();
    let absent = section.strings("absent");
    for key in &absent {
        require_known_claim(&section, key, issuer.as_slice());
        if claims.iter().any(|(claim, _)| claim == key.value) {
            section.error(&key.span, format!("`{}` is both in `claims` and absent", key.value), None);
        }
    }
    section.required("expect", "\"deny\"");
    let expect = section.parsed("expect", |text| match text {
        "allow" => Ok(Expect::Allow),
        "deny" => Ok(Expect::Deny),
        _ => Err("write \"allow\" or \"deny\""),
    });
    let reason = section.string("reason").and_then(|code| read_reason(&section, &code));
    if let (Some(Expect::Allow), Some(_)) = (expect.as_ref().map(|expect| expect.value), reason) {
        section.error(section.span(), "a test that expects \"allow\" has no `reason`", None);
    }
    let position = section.position();
    section.finish();
    Some(Test {
        name: name?.value.to_owned(),
        claims,
        absent: absent.into_iter().map(|key| key.value.to_owned()).collect(),
        expect: expect?.value,
        reason,
        position,
    })
}

fn read_reason(section: &Section<'_>, code: &Located<&str>) -> Option<Reason> {
    let found = Reason::ALL.into_iter().find(|reason| reason.as_str() == code.value);
    if found.is_none() {
        let help = closest(code.value, Reason::ALL.map(Reason::as_str))
            .map(|near| format!("did you mean \"{near}\"?"));
        section.error(&code.span, format!("there is no reason \"{}\"", code.value), help);
    }
    found
}

fn read_claims(section: Section<'_>, issuer: Option<&Arc<IssuerSettings>>) -> Vec<(String, Claim)> {
    let mut claims = Vec::new();
    for key in section.keys() {
        require_known_claim(&section, &key, issuer.as_slice());
        let Some(value) = section.value(key.value) else { continue };
        match read_claim(value) {
            Some(claim) => claims.push((key.value.to_owned(), claim)),
            None => section.wrong_type(
                key.value,
                value.span(),
                "what JSON can say: text, a whole number, true, false, a list or a table",
                value.get_ref(),
            ),
        }
    }
    section.finish();
    claims
}

/// A value of TOML as an issuer could sign it in JSON.
fn read_claim(value: &Spanned<DeValue<'_>>) -> Option<Claim> {
    Some(match value.get_ref() {
        DeValue::String(text) => Claim::Text(text.to_string()),
        DeValue::Boolean(flag) => Claim::Bool(*flag),
        DeValue::Integer(number) => Claim::Int(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(_) => Claim::Float,
        DeValue::Array(items) => Claim::List(items.iter().map(read_claim).collect::<Option<_>>()?),
        DeValue::Table(table) => {
            let mut object = Claims::default();
            for (name, member) in table {
                object.set(name.get_ref(), read_claim(member)?);
            }
            Claim::Object(object)
        }
        DeValue::Datetime(_) => return None,
    })
}
