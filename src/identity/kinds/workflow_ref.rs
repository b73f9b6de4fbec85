//! `workflow_ref` of GitHub Actions and of platforms modelled on it: which file a run is of.

use super::{Claim, Claims, split_at_ref, text_or_set};

/// `owner/repo<folder>file.yml@ref` → (`owner/repo`, `file.yml`), for the folders that the platform
/// reads workflows from, such as `/.github/workflows/`.
pub(super) fn split<'t>(workflow_ref: &'t str, folders: &[&str]) -> Option<(&'t str, &'t str)> {
    let (path, _) = split_at_ref(workflow_ref)?;
    folders.iter().find_map(|folder| {
        let (repository, file) = path.split_once(folder)?;
        let named = !file.is_empty() && !file.contains('/') && repository.matches('/').count() == 1;
        named.then_some((repository, file))
    })
}

/// The file of the workflow that was started, if it is this repository's own.
pub(super) fn own_file(claims: &Claims, folders: &[&str]) -> Option<String> {
    let (repository, file) = split(claims.text("workflow_ref")?, folders)?;
    let own = repository.eq_ignore_ascii_case(claims.text("repository")?);
    own.then(|| file.to_owned())
}

/// Makes a run one of this file of its own repository.
pub(super) fn write_own(claims: &mut Claims, folder: &str, file: &str) {
    let repository = text_or_set(claims, "repository", "acme/widget");
    write(claims, "workflow_ref", &repository, folder, file);
}

/// Names a file of a repository in such a claim.
pub(super) fn write(claims: &mut Claims, name: &str, repository: &str, folder: &str, file: &str) {
    claims.set(name, Claim::Text(format!("{repository}{folder}{file}@refs/heads/main")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(workflow_ref: &str) -> Option<String> {
        let json = format!(r#"{{"repository":"Acme/Widget","workflow_ref":"{workflow_ref}"}}"#);
        let claims = Claims::parse(json.as_bytes()).expect("valid");
        own_file(&claims, &["/.github/workflows/", "/.forgejo/workflows/"])
    }

    #[test]
    fn workflow_file_belongs_to_the_repository() {
        for (own, name) in [
            ("acme/widget/.github/workflows/release.yml@refs/heads/main", "release.yml"),
            ("acme/widget/.forgejo/workflows/release.yml@refs/heads/main", "release.yml"),
            ("acme/widget/.github/workflows/a@b.yml@refs/tags/v1@x", "a@b.yml"),
            ("acme/widget/.github/workflows/release.yml@0123abc", "release.yml"),
        ] {
            assert_eq!(file(own).as_deref(), Some(name), "{own}");
        }
        for foreign in [
            "evil/widget/.github/workflows/release.yml@refs/heads/main",
            "acme/widget/.gitlab/workflows/release.yml@refs/heads/main",
            "acme/widget/.github/workflows/@refs/heads/main",
            "acme/widget/.github/workflows/sub/release.yml@refs/heads/main",
            "acme/widget/.github/workflows/.forgejo/workflows/release.yml@refs/heads/main",
            "acme/widget/.forgejo/workflows/.github/workflows/release.yml@refs/heads/main",
            "acme/widget/.github/workflows/release.yml@refs/x.yml@refs/heads/main",
            "x/acme/widget/.github/workflows/release.yml@refs/heads/main",
            "acme/widget/.github/workflows/release.yml",
            "release.yml@refs/heads/main",
            "",
        ] {
            assert_eq!(file(foreign), None, "{foreign}");
        }
        assert_eq!(own_file(&Claims::default(), &["/.github/workflows/"]), None);
    }
}
