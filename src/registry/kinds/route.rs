//! What a method and a path mean at a registry: one table per kind.
//!
//! A pattern is a path in which `{package}` is a package name, `{}` any one segment, and `{rest}` at its end
//! everything below. A request that no line of the table describes is refused.

use crate::registry::{Action, Actions, Package, Registry, RegistryKind};

/// Reads a package name out of `{rest}`; `None`: the line does not apply.
type ReadName = fn(&[String]) -> Option<String>;

/// One line of a table.
#[derive(Debug)]
pub struct Route {
    /// Separated by spaces.
    methods: &'static str,
    pattern: &'static str,
    /// Several, where the path does not say which it is.
    actions: &'static [Action],
    /// For a `{rest}` that names the package.
    read_name: Option<ReadName>,
}

/// What a request at a registry is about to do.
#[derive(Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// A token must hold all of these actions; there are several where the path does not say which it is.
    pub actions: Actions,
    /// The package; `None` if only the body names it, which is not read.
    pub package: Option<Package>,
}

/// Returns a line for these methods.
pub(super) const fn on(methods: &'static str, pattern: &'static str, actions: &'static [Action]) -> Route {
    Route { methods, pattern, actions, read_name: None }
}

/// Returns a line for reads.
pub(super) const fn read(pattern: &'static str) -> Route {
    on("GET HEAD", pattern, &[Action::Read])
}

/// Returns a line for reads whose `{rest}` names the package.
pub(super) const fn read_named(pattern: &'static str, read_name: ReadName) -> Route {
    Route { read_name: Some(read_name), ..read(pattern) }
}

/// A line for `upload_paths`, which are exact paths and not patterns.
const UPLOAD: Route = on("POST", "", &[Action::Publish]);

/// Returns what a request is about to do; `None` if no line of the kind's table describes it.
pub fn find_route(registry: &Registry, method: &str, path: &[String]) -> Option<AccessRequest> {
    // Upload paths differ between indexes, and PEP 807 discovery needs them too.
    let uploads = registry.upload_paths.iter().map(|path| (path.as_str(), &UPLOAD));
    let table = uploads.chain(registry.kind.spec().routes.iter().map(|route| (route.pattern, route)));
    table.filter(|(_, route)| route.methods.split(' ').any(|known| known == method)).find_map(
        |(pattern, route)| {
            let package = route.package(registry.kind, pattern, path)?;
            Some(AccessRequest { actions: route.actions.iter().copied().collect(), package })
        },
    )
}

impl Route {
    /// Whether a path has this pattern, and the package that it names, if any.
    fn package(&self, kind: RegistryKind, pattern: &str, path: &[String]) -> Option<Option<Package>> {
        let mut package = None;
        let mut path = path.iter();
        for part in pattern.strip_prefix('/')?.split('/') {
            if part == "{rest}" {
                let rest = path.as_slice();
                if rest.is_empty() {
                    return None;
                }
                return match self.read_name {
                    Some(read_name) => Some(Some(parse(kind, &read_name(rest)?)?)),
                    None => Some(package),
                };
            }
            let segment = path.next()?;
            if let Some(suffix) = part.strip_prefix("{package}") {
                let mut name = segment.strip_suffix(suffix)?.to_owned();
                // An npm scope and its name may be two segments.
                if name.starts_with('@') && !name.contains('/') {
                    name = format!("{name}/{}", path.next()?);
                }
                package = Some(parse(kind, &name)?);
            } else if part == "{}" && segment.is_empty() || part != "{}" && part != segment {
                return None;
            }
        }
        path.as_slice().is_empty().then_some(package)
    }
}

/// Reads a package name. `-` is the prefix of npm's own routes, although it is a valid name.
fn parse(kind: RegistryKind, name: &str) -> Option<Package> {
    if name == "-" { None } else { Package::parse(kind, name).ok() }
}
