//! Codefresh pipelines.
//!
//! Source: Codefresh's "OIDC in pipelines", and the tokens in the tests of Sigstore's Fulcio. Ids are
//! strings. A token lives for five minutes and has no `jti`. No claim says what started the
//! build; it follows from which of the others are there.

use url::Url;

use super::{
    Advice, AudienceRules, Claim, ClaimState, Claims, EventRule, Guidance, Kind, Requirement, Synthesizer,
    UrlRules, claim, claim_state, derived, host_of, origin, path_segments, text_or_set,
};
use crate::toml_reader::Code;

pub(super) const KIND: Kind = Kind {
    name: "codefresh",
    urls: UrlRules {
        default: Some("https://oidc.codefresh.io"),
        owns: |url| Url::parse(url).is_ok_and(|url| is_codefreshs(&url)),
        check: check_url,
        ..UrlRules::NONE
    },
    audiences: AudienceRules { shared: Some("https://g.codefresh.io"), ..AudienceRules::NONE },
    claims: &[
        derived(origin::CLAIM, code_origin, "scm_ref", Synthesizer::Function(write_code_origin)),
        claim("account_id").pin(),
        claim("pipeline_id").pin().repository(),
        claim("pipeline_name").repository(),
        claim("scm_repo_url").repository(),
        claim("scm_ref").recommended("only what was tagged or merged so"),
        claim("workflow_id").run(),
        claim("account_name"),
        claim("aud"),
        claim("auth_time"),
        claim("exp"),
        claim("iat"),
        claim("initiator"),
        claim("iss"),
        claim("jti"),
        claim("nbf"),
        claim("platform_url"),
        claim("runner_environment"),
        claim("scm_pull_request_target_branch"),
        claim("scm_user_name"),
        claim("sid"),
        claim("sub").unmatchable("its parts depend on the trigger; match on the claims that it is made of"),
    ],
    missing_pin_hint: Some("is this a Codefresh pipeline's ID token?"),
    max_age: 600,
    events: &[EventRule {
        claim: origin::CLAIM,
        default: &[origin::OWN, origin::UNSTATED],
        forbidden: &[origin::PULL_REQUEST],
        advice: "merge the change, and publish from a pipeline with a trigger for pushes or tags",
        risky: &[],
    }],
    guidance: Guidance {
        advice: &[Advice {
            code: Code::AnyRun,
            on: None,
            requirements: &[Requirement::Any("scm_ref")],
            message: "every build of the pipeline may publish, whatever its branch",
            help: "fix the `scm_ref`",
        }],
        ..Guidance::NONE
    },
    ..Kind::UNKNOWN
};

fn is_codefreshs(url: &Url) -> bool {
    host_of(url).ends_with(".codefresh.io")
}

/// An installation of one's own has an issuer on its own host.
fn check_url(url: &Url) -> Result<(), &'static str> {
    let is_issuer = host_of(url) == "oidc.codefresh.io" && path_segments(url).is_empty();
    if is_issuer || !is_codefreshs(url) {
        return Ok(());
    }
    Err("Codefresh's issuer is https://oidc.codefresh.io")
}

/// Whose code a build runs. Any sign of a pull request makes it one. Builds that a clock or a person
/// started have no commit to speak of, and a `sub` that ends early.
fn code_origin(claims: &Claims) -> Option<String> {
    let sub = claims.text("sub")?;
    if claims.at("scm_pull_request_target_branch").is_some()
        || sub.contains(":scm_pull_request_target_branch:")
    {
        return Some(origin::PULL_REQUEST.to_owned());
    }
    let origin = match claim_state(claims, "scm_ref") {
        ClaimState::Value(name) if !name.is_empty() => origin::OWN,
        ClaimState::Absent if claims.text("initiator").is_some() || names_no_commit(sub) => origin::UNSTATED,
        _ => return None,
    };
    Some(origin.to_owned())
}

fn write_code_origin(origin: &str, claims: &mut Claims) {
    text_or_set(claims, "sub", "account:1:pipeline:1");
    match origin {
        origin::OWN => claims.set("scm_ref", Claim::Text("main".to_owned())),
        origin::PULL_REQUEST => claims.set("scm_pull_request_target_branch", Claim::Text("main".to_owned())),
        _ => claims.remove_at("scm_ref"),
    }
}

/// `account:ID:pipeline:ID` and nothing else.
fn names_no_commit(sub: &str) -> bool {
    matches!(sub.split(':').collect::<Vec<_>>()[..], ["account", _, "pipeline", _])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_request_is_always_recognised() {
        let origin = |sub: &str, more: &str| {
            let json = format!(r#"{{"sub":"account:a:pipeline:p{sub}"{more}}}"#);
            code_origin(&Claims::parse(json.as_bytes()).expect("valid"))
        };
        const REF: &str = r#","scm_ref":"x""#;
        for (sub, more, expected) in [
            (":scm_ref:x", REF.to_owned(), Some("own")),
            (":initiator:joe:scm_ref:x", format!(r#"{REF},"initiator":"joe""#), Some("own")),
            (":initiator:joe", r#","initiator":"joe""#.to_owned(), Some("unstated")),
            ("", String::new(), Some("unstated")),
            ("", r#","scm_pull_request_target_branch":null"#.to_owned(), Some("unstated")),
            (":scm_ref:x", format!(r#"{REF},"scm_pull_request_target_branch":"main""#), Some("pull-request")),
            (":scm_ref:x", format!(r#"{REF},"scm_pull_request_target_branch":"""#), Some("pull-request")),
            (":scm_ref:x", format!(r#"{REF},"scm_pull_request_target_branch":[]"#), Some("pull-request")),
            (":scm_ref:x:scm_pull_request_target_branch:main", REF.to_owned(), Some("pull-request")),
            (":scm_pull_request_target_branch:main", String::new(), Some("pull-request")),
            (":scm_ref:x", String::new(), None),
            ("", r#","scm_ref":["x"]"#.to_owned(), None),
            ("", r#","scm_ref":"""#.to_owned(), None),
        ] {
            assert_eq!(origin(sub, &more).as_deref(), expected, "{sub} {more}");
        }
    }
}
