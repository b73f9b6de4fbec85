//! The configuration, with comments for anyone who reads it first.

use std::fmt::Write as _;

use super::Options;
use super::answers::Answers;
use crate::registry::SecretHash;
use crate::toml_reader::quoted;

/// `trustmint.toml`.
pub(super) fn write(options: &Options, answers: &Answers, secret: SecretHash) -> String {
    let mut text = format!(
        r#"# Check it: trustmint config check --config trustmint.toml

# The broker's own address, as jobs and registries reach it.
public_url = {public_url}

[listen]
public = "{listen}"  # for jobs, registries and scanners
ops = "{ops}"  # /livez, /readyz and /metrics; keep it inside
# tls = {{ cert = "tls.crt", key = "tls.key" }}  # or let a proxy do it:
# trusted_proxies = ["10.0.0.0/8"]  # whose X-Forwarded-For is believed

# What must not be forgotten: which ID tokens were spent, and which tokens live.
[store]
{store}

# Who may publish what, checked by `trustmint policy check` and read again when a file changes.
[policies]
path = "policies"

"#,
        public_url = quoted(&answers.public_url),
        listen = options.listen,
        ops = options.ops,
        store = match &answers.redis {
            None => {
                "path = \"trustmint.redb\"  # one file, for one process; several need url = \"redis://…\""
                    .to_owned()
            }
            Some(url) => format!("url = {}\n# password_file = \"redis-password\"", quoted(url)),
        },
    );
    issuer(&mut text, options, answers);
    registry(&mut text, answers, secret);
    text
}

fn issuer(text: &mut String, options: &Options, answers: &Answers) {
    let kind = answers.kind;
    let _ = writeln!(text, "# Whose ID tokens are accepted.\n[issuers.{0}]\nkind = \"{0}\"", kind.name);
    if let Some(url) = &answers.issuer_url {
        let _ = writeln!(text, "url = {}  # `iss`, to the byte", quoted(url));
        reach(text, options);
    }
    if !kind.has_pins() {
        let pins: Vec<_> = answers.pins.iter().map(|(name, _)| quoted(name)).collect();
        let _ = writeln!(text, "pins = [{}]  # what every policy must fix", pins.join(", "));
    }
    if answers.accept_shared_audience {
        text.push_str(
            "accept_shared_audience = true  # anyone who is given a job's ID token could present it here\n",
        );
    }
    text.push('\n');
}

/// How an issuer that is not everyone's is reached.
fn reach(text: &mut String, options: &Options) {
    let networks: Vec<_> = options.allow_private.iter().map(|network| quoted(&network.to_string())).collect();
    let (mark, networks) =
        if networks.is_empty() { ("# ", "\"10.0.0.0/8\"".to_owned()) } else { ("", networks.join(", ")) };
    let _ = writeln!(text, "{mark}allow_private = [{networks}]  # where it lives, if at a private address");
    // File names in it are relative to its own folder.
    let file =
        options.ca_file.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    let (mark, file) = file.map_or(("# ", "ca.pem".to_owned()), |file| ("", file.display().to_string()));
    let _ = writeln!(text, "{mark}ca_file = {}  # trust only these roots for it", quoted(&file));
}

fn registry(text: &mut String, answers: &Answers, secret: SecretHash) {
    let (kind, host) = (answers.registry, &answers.host);
    let mut audiences = (kind.spec().default_audiences)(host);
    // What all customers share is accepted by the issuer's section, and never listed here.
    let url = answers.issuer_url.as_deref().or(answers.kind.urls.default).unwrap_or_default();
    let fixed =
        (answers.kind.audiences.fixed)(url).filter(|fixed| Some(*fixed) != answers.kind.audiences.shared);
    audiences.extend(fixed.map(str::to_owned));
    let audiences: Vec<_> = audiences.iter().map(|audience| quoted(audience)).collect();
    let upload_paths = match kind.spec().default_upload_paths {
        [] => String::new(),
        paths => format!("upload_paths = {paths:?}  # where uploads go\n"),
    };
    let _ = write!(
        text,
        r#"# What tokens are minted for.
[registries.{kind}]
kind = "{kind}"
hosts = [{host}]  # its own routes answer under this name only
audiences = [{audiences}]  # what ID tokens for it have as `aud`
token_prefix = "tm_{kind}_"  # what scanners find its tokens by
token_ttl = "15m"
{upload_paths}# public_reads = true  # behind a proxy: reads need no token
# unchecked_package = true  # behind a proxy: uploads pass whose package is in the body only

# The registry, or the proxy before it, when it asks about tokens.
[[registries.{kind}.clients]]
id = {client}
secret_sha256 = ["{hash}"]
"#,
        kind = kind.as_str(),
        host = quoted(host),
        audiences = audiences.join(", "),
        client = quoted(&answers.client),
        hash = secret.to_hex(),
    );
}
