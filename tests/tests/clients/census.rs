//! The kinds against facts that others gathered: the census of issuers `cloudarq-issuers`. Where we
//! do otherwise, the difference is data here, with its reason; a difference that went away fails.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::Value;
use trustmint::identity::Kind;
use trustmint_tests::programs::tool;

/// What the census and a kind must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The issuer is one of the kind's, and of no other's.
    Issuer,
    /// Anyone who pins, pins ids that never change.
    Pins,
    /// Whatever the platform signs, policies may speak of.
    Claims,
    /// An audience that jobs do not choose is known as shared.
    Audience,
}

/// An entry of the census that is about a platform of ours.
struct Platform {
    entry: &'static str,
    kind: &'static str,
    /// What we do otherwise, and why.
    otherwise: &'static [(Rule, &'static [&'static str], &'static str)],
}

const fn same(entry: &'static str, kind: &'static str) -> Platform {
    Platform { entry, kind, otherwise: &[] }
}

const SIGN_IN: &str = "they are claims of people who sign in, which discovery lists too";
const NO_AUDIENCE: &str =
    "anyone who asks for the token names the audience; the census tells what one service wants";

const PLATFORMS: [Platform; 22] = [
    same("AWS (outbound identity federation)", "aws"),
    Platform {
        entry: "Amazon EKS (Kubernetes service account issuer / IRSA)",
        kind: "kubernetes",
        otherwise: &[(Rule::Audience, &["relying_party", "sts.amazonaws.com"], NO_AUDIENCE)],
    },
    Platform {
        entry: "Azure Kubernetes Service (AKS workload identity)",
        kind: "kubernetes",
        otherwise: &[(Rule::Audience, &["relying_party", "api://AzureADTokenExchange"], NO_AUDIENCE)],
    },
    same("Google Kubernetes Engine (GKE)", "kubernetes"),
    Platform {
        entry: "Bitbucket Pipelines",
        kind: "bitbucket",
        otherwise: &[(
            Rule::Pins,
            &["repositoryUuid", "workspaceUuid"],
            "the census spells them as Bitbucket's variables are, not as its claims",
        )],
    },
    same("Buildkite", "buildkite"),
    same("CircleCI", "circleci"),
    Platform {
        entry: "Codeberg (Forgejo)",
        kind: "forgejo",
        otherwise: &[
            (Rule::Issuer, &["unverified"], "the census looked at the issuer of people's sign-ins"),
            (Rule::Claims, &PROFILE, SIGN_IN),
        ],
    },
    Platform {
        entry: "Gitea / Forgejo Actions",
        kind: "forgejo",
        otherwise: &[(Rule::Claims, &PROFILE, SIGN_IN)],
    },
    same("Codefresh", "codefresh"),
    same("GitHub Actions", "github"),
    same("GitHub Actions (enterprise issuer path)", "github"),
    same("GitHub Enterprise Server (self-hosted)", "github"),
    same("GitLab self-managed", "gitlab"),
    Platform {
        entry: "GitLab.com",
        kind: "gitlab",
        otherwise: &[(
            Rule::Claims,
            &[
                "email",
                "email_verified",
                "family_name",
                "given_name",
                "groups",
                "https://gitlab.org/claims/groups/developer",
                "https://gitlab.org/claims/groups/maintainer",
                "https://gitlab.org/claims/groups/owner",
                "name",
                "nickname",
                "picture",
                "preferred_username",
                "profile",
                "sub_legacy",
                "website",
            ],
            SIGN_IN,
        )],
    },
    same("Google (accounts.google.com)", "google"),
    same("Jenkins (OpenID Connect Provider plugin)", "jenkins"),
    Platform {
        entry: "Microsoft (Azure DevOps)",
        kind: "azure-devops",
        otherwise: &[(Rule::Issuer, &["unverified"], "the census has none; Microsoft's reference does")],
    },
    Platform {
        entry: "Semaphore",
        kind: "semaphore",
        otherwise: &[(Rule::Audience, &["issuer"], "it is the organization's own URL, so no one shares it")],
    },
    same("HCP Terraform (Terraform Cloud)", "terraform"),
    same("Terraform Enterprise (self-hosted)", "terraform"),
    same("SPIFFE / SPIRE (OIDC Discovery Provider)", "spiffe"),
];

const PROFILE: [&str; 10] = [
    "email",
    "email_verified",
    "groups",
    "locale",
    "name",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
];

/// Issuers that have no kind: plain `oidc` is for them, so no kind may own them.
const OTHERS: [&str; 20] = [
    "AWS STS (sts.amazonaws.com)",
    "Amazon Cognito identity pools",
    "Chainguard",
    "Cloudflare Access",
    "Cognition",
    "Cursor",
    "Depot",
    "Facebook",
    "Harness",
    "HashiCorp Vault (as an OIDC provider)",
    "Login with Amazon",
    "Microsoft Entra ID",
    "Modal",
    "Namespace",
    "Pulumi Cloud",
    "Scalr",
    "Spacelift",
    "Teleport",
    "Warp",
    "env0",
];

/// What is written for the census's placeholders. A host below `example.com` is an operator's own.
const FILLED: [(&str, &str); 23] = [
    ("<account>", "acme"),
    ("<cluster-name>", "acme"),
    ("<cluster>", "prod"),
    ("<cluster_oidc_id>", "EXAMPLED539D4633E53DE1B71EXAMPLE"),
    ("<cluster_uuid>", "6f2a4a6e-1c3b-4f0e-8c7e-0a5c1d2e3f40"),
    ("<enterpriseSlug>", "acme"),
    ("<gitlab-host>", "gitlab.example.com"),
    ("<hostname>", "github.example.com"),
    ("<instance-host>", "forgejo.example.com"),
    ("<jenkins-url>", "jenkins.example.com"),
    ("<location>", "europe-west3"),
    ("<oidc-discovery-host>", "spire.example.com"),
    ("<organization>", "acme"),
    ("<organization_id>", "7f3c2b1a-9d8e-4c5b-a6f7-0e1d2c3b4a59"),
    ("<project>", "acme"),
    ("<provider_name>", "default"),
    ("<region>", "eu-central-1"),
    ("<team-name>", "acme"),
    ("<tenant_id>", "0b8a6f4e-9d2c-4e1f-8a3b-5c6d7e8f9a01"),
    ("<tenant_uuid>", "f9b0d5a4-3c1e-4f7a-9a51-0d2b7c8e6f10"),
    ("<tfe-hostname>", "terraform.example.com"),
    ("<vault-addr>", "vault.example.com"),
    ("<workspace>", "acme"),
];

fn census() -> Vec<Value> {
    let text = std::fs::read_to_string(tool("cloudarq-issuers")).expect("the census");
    let census: Value = serde_json::from_str(&text).expect("JSON");
    census["issuers"].as_array().expect("a list").clone()
}

/// A member's text. What the census did not find out, it calls unverified.
fn text<'e>(entry: &'e Value, member: &str) -> &'e str {
    entry[member].as_str().unwrap_or("unverified")
}

fn list<'e>(entry: &'e Value, member: &str) -> BTreeSet<&'e str> {
    entry[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn issuer(entry: &Value) -> String {
    let fill = |url: String, (placeholder, value): &(&str, &str)| url.replace(placeholder, value);
    let url = FILLED.iter().fold(text(entry, "issuer").to_owned(), fill);
    assert!(!url.contains('<'), "{url}: an unknown placeholder");
    url
}

fn owners(url: &str) -> Vec<&'static str> {
    Kind::ALL.iter().filter(|kind| (kind.urls.owns)(url)).map(|kind| kind.name).collect()
}

/// Whatever does not agree.
fn findings(rule: Rule, entry: &Value, kind: &Kind) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match rule {
        Rule::Issuer => {
            let url = issuer(entry);
            let of_everybody = !text(entry, "issuer").contains('<');
            let agrees = Url::parse(&url).is_ok_and(|parsed| {
                let own_host = parsed.host_str().is_some_and(|host| host.ends_with(".example.com"));
                let owners = owners(&url);
                (kind.urls.check)(&parsed).is_ok()
                    && if own_host { owners.is_empty() } else { owners == [kind.name] }
                    && (!of_everybody || kind.urls.default == Some(&url))
            });
            found.extend((!agrees).then_some(url));
        }
        Rule::Pins => {
            let ids = list(entry, "immutable_id_claims");
            let names = kind.pins("").into_iter().filter(|pin| !ids.is_empty() && !ids.contains(*pin));
            found.extend(names.map(ToString::to_string));
        }
        Rule::Claims => {
            let signed = &list(entry, "claims") | &list(entry, "claims_advertised");
            found.extend(signed.into_iter().filter(|claim| !kind.knows(claim)).map(str::to_owned));
        }
        Rule::Audience => {
            let chosen_by = text(entry, "aud_controlled_by");
            let is_known = matches!(chosen_by, "workload" | "unverified") || kind.audiences.shared.is_some();
            found.extend((!is_known).then(|| chosen_by.to_owned()));
            let default = text(entry, "aud_default");
            let is_one_value = default != "unverified" && !default.contains([' ', '<']);
            let is_known = kind.audiences.shared.map_or(!is_one_value, |shared| default.contains(shared));
            found.extend((!is_known).then(|| default.to_owned()));
        }
    }
    found
}

#[test]
fn kinds_agree_with_the_issuer_census() {
    let census = census();
    for Platform { entry, kind, otherwise } in &PLATFORMS {
        let found = census.iter().find(|candidate| text(candidate, "name") == *entry);
        let found = found.unwrap_or_else(|| panic!("{entry}: not in the census"));
        let kind = Kind::by_name(kind).expect("a kind");
        for rule in [Rule::Issuer, Rule::Pins, Rule::Claims, Rule::Audience] {
            let differs = otherwise.iter().filter(|(of, _, _)| *of == rule).flat_map(|(_, what, _)| *what);
            let differs: BTreeSet<_> = differs.map(ToString::to_string).collect();
            assert_eq!(findings(rule, found, kind), differs, "{entry}: {rule:?}");
        }
    }
}

#[test]
fn each_census_issuer_has_a_kind_or_is_plain_oidc() {
    for entry in census() {
        let name = text(&entry, "name");
        let is_ours = PLATFORMS.iter().any(|platform| platform.entry == name);
        assert_ne!(is_ours, OTHERS.contains(&name), "{name}");
        if !is_ours {
            assert_eq!(owners(&issuer(&entry)), [""; 0], "{name}");
        }
    }
}
