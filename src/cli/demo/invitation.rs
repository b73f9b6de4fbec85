//! What the reader can do while the demo stays up: lines to copy, which need a shell and curl.

use super::files::{AUDIENCE, AUDIT, CA, CLIENT, CONFIGURATION, POLICY};
use super::narrator::Narrator;
use super::stage::Stage;

/// Prints the lines.
pub(super) fn print(stage: &Stage, out: &Narrator) {
    out.title("Now you. The demo stays up until Ctrl-C; in another terminal:");
    for line in lines(stage).lines() {
        out.verbatim(line);
    }
}

/// The lines, in an order in which they work; `#` begins a remark. An interactive zsh takes remarks
/// for commands, so they are of plain words only.
pub(super) fn lines(stage: &Stage) -> String {
    let file = |name| quoted(&stage.file(name).display().to_string());
    format!(
        r#"# where everything is
{variables}
# the ID token of a job, as GitHub gives it
ID_TOKEN=$(curl -s --cacert "$CA" "$ISSUER/token?audience={AUDIENCE}" | cut -d'"' -f4)

# exchange it, a second time it is replayed
ANSWER=$(curl -s "$BROKER/oauth/token" -d "subject_token=$ID_TOKEN" \
  -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
  -d subject_token_type=urn:ietf:params:oauth:token-type:id_token); echo "$ANSWER"
TOKEN=$(echo "$ANSWER" | cut -d'"' -f4)

# what the registry hears about it, until it is spent
curl -s -u "{CLIENT}:$SECRET" "$BROKER/oauth/introspect" -d "token=$TOKEN"; echo
curl -s "$BROKER/oauth/revoke" -d "token=$TOKEN"

# a job in another environment, and why it gets nothing
ID_TOKEN=$(curl -s --cacert "$CA" \
  "$ISSUER/token?audience={AUDIENCE}&environment=staging" | cut -d'"' -f4)
curl -s "$BROKER/_/oidc/mint-token" -d "{{\"token\":\"$ID_TOKEN\"}}"; echo

# what the operator has and sees, from the configuration to the metrics
cat {configuration}
cat {policy}
cat {audit}
curl -s http://{ops}/metrics
"#,
        variables = variables(stage),
        configuration = file(CONFIGURATION),
        policy = file(POLICY),
        audit = file(AUDIT),
        ops = stage.ops(),
    )
}

/// Where everything is, as assignments of a shell.
pub(super) fn variables(stage: &Stage) -> String {
    format!(
        "BROKER=http://{broker} ISSUER={issuer}\nCA={ca}\nSECRET={secret}\nexport no_proxy=127.0.0.1\n",
        broker = stage.broker(),
        issuer = stage.issuer_url(),
        ca = quoted(&stage.file(CA).display().to_string()),
        secret = stage.secret(),
    )
}

/// As a shell reads it back, whatever the temporary directory is called.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
