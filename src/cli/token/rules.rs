//! `trustmint token rules`: what secret scanners need in order to find the tokens of each registry.

use clap::{Args, ValueEnum};

use super::super::{ConfigFile, FINE, say};
use crate::registry::Registry;
use crate::token::RegistryToken;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The scanner
    #[arg(long, value_enum, value_name = "SCANNER")]
    format: Scanner,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scanner {
    /// Rules for `gitleaks --config`
    Gitleaks,
    /// Custom detectors for `trufflehog --config`
    Trufflehog,
    /// A plugin for `detect-secrets scan --plugin`
    DetectSecrets,
    /// A ruleset of GitLab's secret detection
    Gitlab,
    /// What to enter as a custom pattern of GitHub, or to send when enrolling as a partner
    Github,
    /// Rules for `kingfisher scan --rules-path`
    Kingfisher,
}

pub(in crate::cli) fn run(options: &Options) -> u8 {
    let config = match options.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let rules: Vec<_> = config.registries.iter().map(|registry| Rule::of(registry)).collect();
    let text = match options.format {
        Scanner::Gitleaks => each(&rules, gitleaks),
        Scanner::Trufflehog => {
            format!("detectors:\n{}", each(&rules, |rule| trufflehog(rule, &config.public_url)))
        }
        Scanner::DetectSecrets => detect_secrets(&rules),
        Scanner::Gitlab => each(&rules, gitlab),
        Scanner::Github => format!("{}\n{}", each(&rules, github), enrolment(&rules, &config.public_url)),
        Scanner::Kingfisher => format!("rules:\n{}", each(&rules, kingfisher)),
    };
    say!("{}", text.trim_end());
    FINE
}

/// What is said about the tokens of one registry. Neither an id nor a prefix has a character that any
/// of the formats would have to escape.
struct Rule<'r> {
    id: &'r str,
    prefix: &'r str,
    pattern: String,
}

impl<'r> Rule<'r> {
    fn of(registry: &'r Registry) -> Self {
        let prefix = &registry.token_prefix;
        Self { id: &registry.id, prefix, pattern: RegistryToken::pattern(prefix) }
    }

    /// gitleaks and others look for the keyword first, in lower case.
    fn keyword(&self) -> String {
        self.prefix.to_ascii_lowercase()
    }

    /// A name without `-` and `_`, for formats that want one.
    fn camel_case(&self) -> String {
        let words = self.id.split(['-', '_']).filter(|word| !word.is_empty());
        words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
    }
}

fn each(rules: &[Rule<'_>], render: impl Fn(&Rule<'_>) -> String) -> String {
    rules.iter().map(render).collect::<Vec<_>>().join("\n")
}

fn gitleaks(rule: &Rule<'_>) -> String {
    gitleaks_rule(rule, &format!("trustmint-{}", rule.id))
}

fn gitleaks_rule(rule: &Rule<'_>, name: &str) -> String {
    format!(
        "[[rules]]\n\
         id = \"{name}\"\n\
         description = \"A publishing token of the registry {id}\"\n\
         regex = '''\\b({pattern})\\b'''\n\
         keywords = [\"{keyword}\"]\n",
        id = rule.id,
        pattern = rule.pattern,
        keyword = rule.keyword(),
    )
}

/// In snake case, so that GitLab's revocation API calls its findings by the same name.
fn gitlab(rule: &Rule<'_>) -> String {
    let name = format!("trustmint_{}", rule.id.replace('-', "_"));
    format!(
        "{}title = \"Publishing token of {id}\"\n\
         remediation = \"Revoke it: POST {{\\\"credentials\\\": [it]}} to the broker's /leaks/holder. It lives for minutes only.\"\n\
         tags = [\"trustmint\", \"gitlab_blocking\"]\n",
        gitleaks_rule(rule, &name),
        id = rule.id,
    )
}

/// With the address that says whether what was found is alive. The credential is a client's of this
/// registry, made by `trustmint client new` for the scanner alone.
fn trufflehog(rule: &Rule<'_>, public_url: &str) -> String {
    format!(
        "  - name: Trustmint{name}\n    \
             keywords:\n      \
               - {prefix}\n    \
             regex:\n      \
               token: '\\b({pattern})\\b'\n    \
             verify:\n      \
               - endpoint: {public_url}/leaks/verify\n        \
                 unsafe: {is_http}\n        \
                 headers:\n          \
                   - 'Authorization: Basic CLIENT-ID:SECRET-OF-{id}-IN-BASE64'\n        \
                 successRanges: ['200']\n        \
                 rotatedRanges: ['403']\n",
        name = rule.camel_case(),
        is_http = public_url.starts_with("http:"),
        id = rule.id,
        prefix = rule.prefix,
        pattern = rule.pattern,
    )
}

fn detect_secrets(rules: &[Rule<'_>]) -> String {
    let plugin = |rule: &Rule<'_>| {
        format!(
            "class Trustmint{name}Detector(RegexBasedDetector):\n    \
                 secret_type = 'Publishing token of {id}'\n    \
                 denylist = [re.compile(r'\\b{pattern}\\b')]\n",
            name = rule.camel_case(),
            id = rule.id,
            pattern = rule.pattern,
        )
    };
    let classes = rules.iter().map(plugin).collect::<Vec<_>>().join("\n\n");
    format!("import re\n\nfrom detect_secrets.plugins.base import RegexBasedDetector\n\n\n{classes}")
}

fn github(rule: &Rule<'_>) -> String {
    format!(
        "# Registry {id}\n\
         Name:          Publishing token of {id}\n\
         Secret format: {pattern}\n\
         Before secret: \\A|[^0-9A-Za-z]\n\
         After secret:  \\z|[^0-9A-Za-z]\n",
        id = rule.id,
        pattern = rule.pattern,
    )
}

/// The letter by which one enrols with GitHub's programme: what its documentation asks for.
fn enrolment(rules: &[Rule<'_>], public_url: &str) -> String {
    let types = rules.iter().map(|rule| {
        format!(
            "- Publishing token of {}, type trustmint_{}: {}",
            rule.id,
            rule.id.replace('-', "_"),
            rule.pattern
        )
    });
    format!(
        "# A letter to secret-scanning@github.com\n\
         We would like to enrol as a secret scanning partner.\n\n\
         Endpoint for all types: {public_url}/leaks/github\n\
         Types, and their regular expressions:\n{}\n\n\
         A token is a prefix, 34 random characters, and a CRC-32 of these in base 62, most significant digit\n\
         first, filled up with zeros to six: as yours are. The endpoint answers with labels, true_positive and\n\
         false_positive, by token_hash. A token that was reported is revoked when the answer comes.\n\n\
         Test account: (one of yours, and how to mint a token with it)\n",
        types.collect::<Vec<_>>().join("\n"),
    )
}

fn kingfisher(rule: &Rule<'_>) -> String {
    format!(
        "  - name: Publishing token of {id}\n    \
             id: trustmint.{id}\n    \
             pattern: '\\b({pattern})\\b'\n    \
             min_entropy: 3.0\n    \
             confidence: high\n    \
             examples: []\n",
        id = rule.id,
        pattern = rule.pattern,
    )
}
