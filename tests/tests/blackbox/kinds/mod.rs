//! Every issuer kind: a token in the shape that the vendor signs is exchanged end to end, and a
//! table of what an attacker could make of one is refused. A kind's file holds its facts only.

mod aws;
mod azure_devops;
mod bitbucket;
mod buildkite;
mod circleci;
mod codefresh;
mod forgejo;
mod github;
mod gitlab;
mod google;
mod invariants;
mod jenkins;
mod kubernetes;
mod semaphore;
mod spiffe;
mod terraform;

use trustmint_tests::KindCase;

/// A case for each kind that knows its platform.
pub(super) fn recorded() -> Vec<KindCase> {
    vec![
        aws::case(),
        azure_devops::pipeline(),
        bitbucket::case(),
        buildkite::case(),
        circleci::case(),
        codefresh::case(),
        forgejo::case(),
        github::github_com(),
        gitlab::case(),
        google::case(),
        jenkins::case(),
        kubernetes::case(),
        semaphore::case(),
        spiffe::case(),
        terraform::case(),
    ]
}
