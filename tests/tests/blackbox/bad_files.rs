//! Bad files: exit code 2, everything that is wrong at once with its line, and nothing started.

use std::path::Path;

use trustmint_tests::broker::run;

const CONFIGURATION: &str = include_str!("../../fixtures/bad/good-configuration.toml");
const BAD_CONFIGURATION: &str = include_str!("../../fixtures/bad/configuration.toml");
const BAD_POLICIES: &str = include_str!("../../fixtures/bad/policies.toml");
const BROKEN: &str = include_str!("../../fixtures/bad/broken.toml");

/// Writes these files, runs the binary on them, and shows that it left nothing behind.
fn complaints(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
    }
    let serve = run(folder.path(), &["serve", "--config", "trustmint.toml"]);
    let check = run(folder.path(), &["config", "check", "--config", "trustmint.toml"]);
    assert_eq!(serve, check, "the check says what the start would say");
    let (code, said, complained) = serve;
    assert_eq!((code, said.as_str()), (2, ""), "{complained}");
    for left in ["store.redb", "audit.jsonl"] {
        assert!(!Path::new(folder.path()).join(left).exists(), "{left}: nothing was started");
    }
    let policies = run(folder.path(), &["policy", "check"]);
    for said in [&complained, &policies.1, &policies.2] {
        assert!(!said.contains("hunter2"), "no secret in a message: {said}");
    }
    complained
}

#[test]
fn bad_configuration_reports_every_error() {
    let files = [("trustmint.toml", BAD_CONFIGURATION), ("policies/a.toml", "")];
    insta::assert_snapshot!(complaints(&files), @r#"
error[E017]: trustmint.toml:1:14: `public_url` cannot be "http://publish.example.com": it must be https; http is for loopback addresses only
error[E001]: trustmint.toml:2:1: the file has no key `colour`
error[E017]: trustmint.toml:4:1: the admin listener needs `admin_token_file`
  help: write a random token into a file and name it
error[E017]: trustmint.toml:5:10: `public` cannot be "127.0.0.1": invalid socket address syntax
error[E017]: trustmint.toml:6:9: `admin` cannot be "0.0.0.0:9999": the admin listener is a Unix socket ("unix:/run/trustmint/admin.sock") or a loopback address
error[E017]: trustmint.toml:7:20: `trusted_proxies`: "10.0.0.0/33" is not a network
  help: write "10.0.0.0/8"
error[E017]: trustmint.toml:9:1: [store] has both `url` and `path`
  help: `path` is the embedded store's file, `url` is Redis
error[E017]: trustmint.toml:11:7: `url` is not one of a store: a password in a URL ends up in logs; write it into a file and name it in `password_file`
error[E013]: trustmint.toml:20:17: `request_burst` must be from 1 to 1000000
error[E013]: trustmint.toml:21:17: `store_timeout` must be from 50ms to 1s 900ms
error[E001]: trustmint.toml:22:1: [limits] has no key `body_byte`
  help: did you mean `body_bytes`?
error[E017]: trustmint.toml:26:11: `max_age` cannot be "1 fortnight": write a duration such as "15m" or "90s"
error[E017]: trustmint.toml:27:10: `leeway` must be a string in quotes, not an integer
error[E017]: trustmint.toml:30:8: `kind` must be a string in quotes, not an integer
error[E017]: trustmint.toml:33:1: [issuers.farm] lacks `pins`: the claims that every policy must fix
  help: name claims that the issuer never gives to someone else, such as `pins = ["sub"]`
error[E014]: trustmint.toml:35:7: `url` cannot be "https://token.actions.githubusercontent.com/acme": it is a known issuer: write kind = "github", which knows what its claims mean
error[E017]: trustmint.toml:36:15: "HS256" is not an algorithm that is accepted
  help: there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
error[E017]: trustmint.toml:36:24: "none" is not an algorithm that is accepted
  help: there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
error[E014]: trustmint.toml:40:7: `url` cannot be "http://ci.example.com": an issuer is https
error[E024]: trustmint.toml:41:13: `keys_file`: nowhere.json: No such file or directory (os error 2)
error[E015]: trustmint.toml:46:7: `url` cannot be "https://CI.example.com/*": a wildcard would trust every tenant
error[E017]: trustmint.toml:51:10: "PyPI.example.com" is not a host
  help: write it in lower case, without scheme and path
error[E017]: trustmint.toml:52:16: `token_prefix` cannot be "x": it has 4 to 32 letters, digits and `_`, and ends with `_`
error[E013]: trustmint.toml:53:13: `token_ttl` must be from 15m to 6h
error[E017]: trustmint.toml:56:6: a client id has letters, digits, `-`, `_` and `.`
error[E017]: trustmint.toml:57:18: `secret_sha256` has 64 hexadecimal digits
  help: let `trustmint client new` write it
error[E017]: trustmint.toml:59:1: `upload_paths` is for registries of kind "pypi"
error[E010]: trustmint.toml:61:14: the audience "pypi" is that of PyPI
  help: use one of your own, such as the registry's host; what all customers of an issuer share, its section accepts by `accept_shared_audience`
error[E011]: trustmint.toml:61:14: the id or audience "pypi" is already that of [registries.pypi]
error[E017]: trustmint.toml:62:17: the upload path "legacy" must begin with `/`
30 findings
"#);
}

#[test]
fn bad_policies_report_every_error() {
    let files = [("trustmint.toml", CONFIGURATION), ("policies/a.toml", BAD_POLICIES)];
    insta::assert_snapshot!(complaints(&files), @r#"
error[E001]: policies/a.toml:1:1: the file has no key `version`
error[E003]: policies/a.toml:3:1: [policy.match] does not pin `repository_id`: names can be taken over, ids cannot
  help: write `repository_id = "…"`; every policy of issuer "github" pins repository_owner_id and repository_id
error[E003]: policies/a.toml:3:1: [policy.match] does not pin `repository_owner_id`: names can be taken over, ids cannot
  help: write `repository_owner_id = "…"`; every policy of issuer "github" pins repository_owner_id and repository_id
error[E017]: policies/a.toml:4:6: an id has letters, digits, `-`, `_`, `.` and `/`
error[E001]: policies/a.toml:9:1: [policy] has no key `lifetime`
error[E002]: policies/a.toml:14:10: no issuer "githbu" is configured
  help: did you mean "github"?
error[E002]: policies/a.toml:15:12: no registry "crates" is configured
  help: the configuration has pypi
error[E017]: policies/a.toml:17:12: "publihs": known actions are publish, create, yank, owner, read
error[E017]: policies/a.toml:18:27: `repository_id` must be a string
  help: ids are strings: write `repository_id = "48124571"`
error[E013]: policies/a.toml:19:24: `token_ttl` must be from 1m to 6h
error[E001]: policies/a.toml:19:30: [policy.limits] has no key `tll`
error[E005]: policies/a.toml:21:1: [policy] lacks `match`, so it would be about everyone
  help: write [policy.match] and pin who may publish
error[E019]: policies/a.toml:21:1: [policy] lacks `id`
  help: write `id = "my-package-release"`
error[E022]: policies/a.toml:21:1: `actions` names no action, so the policy grants nothing
error[E022]: policies/a.toml:21:1: `packages` names no package, so the policy grants nothing
error[E004]: policies/a.toml:27:1: `repository_owner_id` is pinned, so it must be an exact value
error[E023]: policies/a.toml:31:13: "-x-": a PyPI name has ASCII letters, digits, `.`, `-` and `_`, and begins and ends with a letter or digit
  help: `packages` are exact names
error[E017]: policies/a.toml:36:30: `repository_id` must be a string
  help: ids are strings: write `repository_id = "5"`
error[E006]: policies/a.toml:37:1: issuers of kind "github" sign no claim `repositry`
  help: did you mean `repository`?
error[E020]: policies/a.toml:38:1: `workflow` is not fit to match on
  help: it is a display name that the workflow's author chooses; use `workflow_file`
error[E006]: policies/a.toml:39:1: `/workflow` is a pointer to a claim that has a name
  help: write `workflow`; pointers are for claims inside of claims
error[E022]: policies/a.toml:40:15: `environment` is empty
  help: leave it out, or write `{ present = false }`
error[E008]: policies/a.toml:41:7: `ref` is a plain string, in which `*` means `*`
  help: write `ref = { glob = "refs/tags/v*" }`
error[E008]: policies/a.toml:42:18: `actor`: a glob begins with a literal, so that it cannot match just anything
error[E008]: policies/a.toml:43:18: `sha`: an empty prefix matches just anything
  help: write `{ present = true }` if that is meant
error[E009]: policies/a.toml:44:14: `head_ref`: there are no regular expressions
  help: write `head_ref = { glob = "…*" }`, or list the values
error[E017]: policies/a.toml:45:12: `base_ref` needs exactly one of `glob`, `prefix`, `contains` and `present`
error[E022]: policies/a.toml:46:20: `job_workflow_ref` lists nothing, so it would never match
error[E021]: policies/a.toml:47:1: a run whose `event_name` is "pull_request_target" may not publish: publish from `push`, `release` or `workflow_dispatch` instead
  help: or name it in `allow_events` of [issuers.github]
error[E005]: policies/a.toml:49:1: this deny has no condition, so the policy would grant nothing
error[E006]: policies/a.toml:52:1: issuers of kind "github" sign no claim `runner_enviroment`
  help: did you mean `runner_environment`?
error[E017]: policies/a.toml:56:10: `expect` cannot be "maybe": write "allow" or "deny"
error[E011]: policies/a.toml:58:1: there is another policy "matchers" at policies/a.toml:27:1
  help: ids are unique: they are what events name
error[E005]: policies/a.toml:66:1: this deny is about everything
  help: narrow it by `issuer`, `registry`, `packages` or `match`
error[E023]: policies/a.toml:70:13: "a b" is not a package name, so this deny would deny nothing
error[E006]: policies/a.toml:75:11: issuers of kind "github" sign no claim `repositry`
  help: did you mean `repository`?
error[E005]: policies/a.toml:78:9: `match` is empty
  help: leave it out if the deny is about everyone
37 findings
"#);
}

#[test]
fn broken_syntax_reports_every_error() {
    let files = [("trustmint.toml", CONFIGURATION), ("policies/broken.toml", BROKEN)];
    insta::assert_snapshot!(complaints(&files), @r#"
error[E005]: policies/broken.toml:1:1: [policy] lacks `match`, so it would be about everyone
  help: write [policy.match] and pin who may publish
error[E019]: policies/broken.toml:1:1: [policy] lacks `actions`
  help: write `actions = ["publish"]`
error[E019]: policies/broken.toml:1:1: [policy] lacks `issuer`
  help: write `issuer = "github"`
error[E019]: policies/broken.toml:1:1: [policy] lacks `packages`
  help: write `packages = ["my-package"]`
error[E019]: policies/broken.toml:1:1: [policy] lacks `registry`
  help: write `registry = "pypi"`
error[E018]: policies/broken.toml:1:10: not TOML: unclosed array table, expected `]`
error[E017]: policies/broken.toml:4:6: an id has letters, digits, `-`, `_`, `.` and `/`
error[E018]: policies/broken.toml:4:14: not TOML: invalid basic string, expected `"`
8 findings
"#);
}

#[test]
fn rejects_credential_that_is_not_a_header_value() {
    for (lines, files, expected) in [
        ("", &[][..], "[registries.pypi.upstream] lacks `credential_file`"),
        ("credential_file = \"missing\"", &[], "`credential_file`: missing: No such file"),
        ("credential_file = \"c\"", &[("c", "\n")], "is empty or not text"),
        ("credential_file = \"c\"", &[("c", "Basic hunter2\nX: y")], "is not a header value"),
        (
            "credential_file = \"c\"\ncredential_header = \"a b\"",
            &[("c", "hunter2")],
            "not a header that carries",
        ),
        (
            "credential_file = \"c\"\ncredential_header = \"Host\"",
            &[("c", "hunter2")],
            "not a header that carries",
        ),
        ("credential = \"hunter2\"", &[], "has no key `credential`"),
    ] {
        let configuration = format!("{CONFIGURATION}[registries.pypi.upstream]\n{lines}\n");
        let mut all = vec![("trustmint.toml", configuration.as_str()), ("policies/a.toml", "")];
        all.extend(files);
        let complained = complaints(&all);
        assert!(complained.contains(expected), "{lines}: {complained}");
    }
}

/// A default audience is held to the rules of a written one: with an ID token for `public_url`, a job may choose
/// among all registries.
#[test]
fn default_audience_must_not_be_the_public_url() {
    let configuration = format!(
        "{CONFIGURATION}[registries.feed]\nkind = \"nuget\"\nhosts = [\"publish.example.com\"]\ntoken_prefix = \"exm_feed_\"\n"
    );
    let complained = complaints(&[("trustmint.toml", configuration.as_str()), ("policies/a.toml", "")]);
    assert!(complained.contains("`public_url`, which every registry accepts"), "{complained}");
}
