//! What a reason means and what to do about it, for anyone who reads a job's log: the text of the page
//! that an error's `type` leads to, and of the reference.

use super::Reason;

/// About one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// What is so.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static str,
}

const fn help(meaning: &'static str, advice: &'static str) -> Help {
    Help { meaning, advice }
}

impl Reason {
    /// What it means, and what to do.
    pub const fn help(self) -> Help {
        match self {
            Self::MalformedToken => help(
                "What was presented is not an ID token: not a compact JWS, or one whose header or payload cannot be read in one way only.",
                "Send the ID token as the CI platform gives it: three parts with dots between them, without quotes, line breaks or `Bearer`.",
            ),
            Self::UnsupportedAlgorithm => help(
                "The ID token is signed with an algorithm that this issuer is not trusted to use.",
                "If the issuer really signs so, the operator adds it to `algorithms` of the issuer's section.",
            ),
            Self::UnknownIssuer => help(
                "No issuer is configured whose `url` is the token's `iss`, to the byte.",
                "The operator configures the issuer, or fixes its `url`; a slash at the end counts.",
            ),
            Self::UnknownKey => help(
                "The issuer, asked again, has no key with the token's `kid`; or a reporter of leaks none with the id that it names.",
                "Fetch a fresh ID token. A reporter looks whether the key is in the listing that the operator configured. If that fails too, someone else signed it; with `keys_file`, the operator copies the keys again.",
            ),
            Self::BadSignature => help(
                "The signature does not verify under the issuer's or the reporter's key: what was signed was changed, or someone else signed it.",
                "Send the ID token unchanged; shells and logs like to mask or wrap it. A leak report is signed over the bytes that are sent.",
            ),
            Self::WrongAudience => help(
                "The ID token was fetched for another service: its `aud` is none of this registry's.",
                "Request it with the audience that `expected` names, and with no second one.",
            ),
            Self::Expired => {
                help("The ID token's `exp` has passed.", "Fetch a fresh one right before the exchange.")
            }
            Self::NotYetValid => help(
                "The ID token's `iat` or `nbf` lies in the future.",
                "Try again after some seconds; if it stays so, set the clock of the issuer or of the broker.",
            ),
            Self::TooOld => help(
                "The ID token was signed longer ago than `max_age` of its issuer allows, though it has not expired.",
                "Fetch a fresh one right before the exchange.",
            ),
            Self::MissingClaim => help(
                "The ID token lacks a claim that must be there: a pinned id, a time, or the claim that names the run.",
                "`claim` says which. Some platforms sign ids only when the job asks for them: see the page of the issuer's kind.",
            ),
            Self::InvalidClaim => help(
                "A claim has the wrong type, or two claims of the ID token contradict each other.",
                "`claim` says which. A genuine token does not do that: look at where it came from.",
            ),
            Self::Replayed => help(
                "The ID token was spent before: one is good for one exchange.",
                "Fetch a fresh one for each exchange. If the job did not spend it, someone else did: look at the audit log.",
            ),
            Self::StoreReset => help(
                "The ID token is not younger than the store's memory, which could not know whether it was spent.",
                "Fetch a fresh one. This is so for a moment after the store was started, lost, or failed over.",
            ),
            Self::DangerousEvent => help(
                "The run was started by an event that lets strangers' code run with the project's identity.",
                "Publish from another event, such as a pushed tag; `expected` names some.",
            ),
            Self::NoMatchingPolicy => help(
                "No policy of this registry pins this identity's ids.",
                "Compare the ids in the answer with the policy's, or write one: `trustmint policy scaffold`.",
            ),
            Self::ClaimMismatch => help(
                "A policy pins this identity, and another of its conditions does not hold.",
                "`claim` says which, `received` what the token has and `expected` what the policy wants.",
            ),
            Self::DeniedByPolicy => help(
                "A deny rule takes away what policies would grant.",
                "Anyone who owns the rule knows why; `trustmint policy explain` names it.",
            ),
            Self::NotCovered => help(
                "The request asks for a package or an action that the policies, or the token, do not cover.",
                "Ask for less, or widen the policy. Nothing is silently narrowed.",
            ),
            Self::LimitReached => help(
                "The run has minted as many tokens as `tokens_per_run` of a policy allows.",
                "Trying again does not help: publish more with one token, or raise the limit.",
            ),
            Self::Suspended => help(
                "The issuer, registry, policy, repository or run is suspended: by an operator, or because a token leaked.",
                "Ask the operator; `trustmint resume` ends it.",
            ),
            Self::RateLimited => help(
                "Too many requests came from this network or client.",
                "Try again after `Retry-After`. Behind a proxy, the operator sets `trusted_proxies`.",
            ),
            Self::IssuerUnavailable => help(
                "The issuer's keys, or the reporter's, are currently unavailable, so nothing can be said about what they signed.",
                "Try again after `Retry-After`. The operator runs `trustmint issuer check`, and looks into the log for a reporter.",
            ),
            Self::StoreUnavailable => help(
                "The store did not answer in time, so nothing was minted.",
                "Try again after `Retry-After`, with a fresh ID token if need be.",
            ),
            Self::Overloaded => help(
                "A bounded queue of the broker is full, so nothing was done.",
                "Try again after `Retry-After`.",
            ),
            Self::MalformedRequest => help(
                "The request is not of the form that this address reads.",
                "The answer says what is wrong with it.",
            ),
            Self::UnknownTarget => help(
                "The request is about no configured registry, or it is not clear about which.",
                "Name the registry's host, or its id as `audience`.",
            ),
            Self::Unauthenticated => help(
                "The caller did not prove to be a client of the registry, or a reporter of leaks.",
                "Send the client's id and secret, as `trustmint client new` made them; or the headers of the reporter, each once.",
            ),
            Self::InvalidToken => help(
                "What was shown is not a live token of this registry: it has expired, was revoked, or is another's.",
                "Exchange a fresh ID token for a new one.",
            ),
            Self::NotFound => {
                help("There is nothing at this address.", "Look at the address, and at its host.")
            }
        }
    }
}
