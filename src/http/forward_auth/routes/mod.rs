//! What a method and a path mean at a registry: one table for each kind.
//!
//! A pattern is a path in which `{package}` is a package's name, `{}` any one segment, and `{rest}`
//! at its end everything below. What no line of the table describes is refused.

mod crates;
mod generic;
mod npm;
mod nuget;
mod pypi;
mod rubygems;

use crate::broker::Demand;
use crate::registry::{Package, Registry, RegistryKind};
use crate::token::Action;

/// Reads a package's name out of `{rest}`; `None`: the line does not apply.
type Namer = fn(&[String]) -> Option<String>;

/// One line of a table.
struct Route {
    /// Separated by spaces.
    methods: &'static str,
    pattern: &'static str,
    /// Several, where the path leaves open which it is.
    actions: &'static [Action],
    /// For a `{rest}` that names the package.
    named: Option<Namer>,
}

const fn on(methods: &'static str, pattern: &'static str, actions: &'static [Action]) -> Route {
    Route { methods, pattern, actions, named: None }
}

const fn read(pattern: &'static str) -> Route {
    on("GET HEAD", pattern, &[Action::Read])
}

const fn read_named(pattern: &'static str, named: Namer) -> Route {
    Route { named: Some(named), ..read(pattern) }
}

/// What a request is about to do; `None`: nothing that is known.
pub(super) fn demand(registry: &Registry, method: &str, path: &[String]) -> Option<Demand> {
    let table = match registry.kind {
        RegistryKind::Pypi => pypi::ROUTES,
        RegistryKind::Crates => crates::ROUTES,
        RegistryKind::Npm => npm::ROUTES,
        RegistryKind::Rubygems => rubygems::ROUTES,
        RegistryKind::Nuget => nuget::ROUTES,
        RegistryKind::Generic => generic::ROUTES,
    };
    // Where uploads go differs between indexes, and PEP 807 discovery has to know it too.
    let uploads = registry.upload_paths.iter().map(|path| (path.as_str(), &pypi::UPLOAD));
    let table = uploads.chain(table.iter().map(|route| (route.pattern, route)));
    table.filter(|(_, route)| route.methods.split(' ').any(|known| known == method)).find_map(
        |(pattern, route)| {
            let package = route.package(registry.kind, pattern, path)?;
            Some(Demand { actions: route.actions.iter().copied().collect(), package })
        },
    )
}

impl Route {
    /// Whether a path is of this pattern, and the package that it names, if any.
    fn package(&self, kind: RegistryKind, pattern: &str, path: &[String]) -> Option<Option<Package>> {
        let mut package = None;
        let mut path = path.iter();
        for part in pattern.strip_prefix('/')?.split('/') {
            if part == "{rest}" {
                let rest = path.as_slice();
                if rest.is_empty() {
                    return None;
                }
                return match self.named {
                    Some(named) => Some(Some(parse(kind, &named(rest)?)?)),
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

/// `-` is where npm's own routes begin, though it would do as a name.
fn parse(kind: RegistryKind, name: &str) -> Option<Package> {
    if name == "-" { None } else { Package::parse(kind, name).ok() }
}
