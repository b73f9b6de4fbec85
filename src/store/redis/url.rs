//! The URL of a Redis store.

use url::Url;

use crate::secret::Secret;

/// How to reach Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// The topology of its servers.
    pub topology: Topology,
    /// Whether to speak TLS (`rediss`).
    pub tls: bool,
    /// Certificates to trust instead of the system's, in PEM.
    pub ca: Option<Vec<u8>>,
    /// The ACL user; `None`: the default user.
    pub username: Option<String>,
    /// From `password_file`.
    pub password: Option<Secret>,
}

/// A topology of Redis servers. Each server is `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server, or one name that always resolves to the primary.
    Single {
        /// The server.
        server: String,
        /// The database number.
        database: i64,
    },
    /// Redis Cluster, by some of its nodes.
    Cluster {
        /// Nodes to ask for the others.
        servers: Vec<String>,
    },
    /// A primary that Sentinels monitor.
    Sentinel {
        /// The Sentinels.
        servers: Vec<String>,
        /// The primary's name.
        primary: String,
        /// The database number.
        database: i64,
    },
}

impl RedisUrl {
    /// Parses `redis://host:port/db`, `rediss://…` (TLS), `redis+cluster://h1:p1,h2:p2` or
    /// `redis+sentinel://h1:p1,h2:p2/primary/db`; `rediss+…` for TLS.
    ///
    /// # Errors
    /// What is wrong with it. The text is not repeated: it may contain a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("write redis://host:6379/0")?;
        let (base, topology) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => {
                return Err(format!(
                    "the scheme `{scheme}` is not known; there are redis, rediss, redis+cluster and redis+sentinel"
                ));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        if user.is_some_and(|user| user.contains(':')) {
            return Err(
                "a password in a URL ends up in logs; write it into a file and name it in `password_file`"
                    .to_owned(),
            );
        }
        let servers: Vec<String> = hosts.split(',').map(server).collect::<Result<_, _>>()?;
        let topology = match (topology, servers.as_slice()) {
            ("", [one]) => Topology::Single { server: one.clone(), database: database(path)? },
            ("", _) => return Err("several servers need redis+cluster or redis+sentinel".to_owned()),
            ("cluster", _) if path.is_empty() => Topology::Cluster { servers },
            ("cluster", _) => return Err("Redis Cluster has no databases".to_owned()),
            ("sentinel", _) => {
                let (primary, number) = path.split_once('/').unwrap_or((path, ""));
                if primary.is_empty() {
                    return Err("name the primary: redis+sentinel://h1:26379/primary/0".to_owned());
                }
                Topology::Sentinel { servers, primary: primary.to_owned(), database: database(number)? }
            }
            _ => return Err(format!("the topology `{topology}` is not known")),
        };
        Ok(Self { topology, tls, ca: None, username: user.map(str::to_owned), password: None })
    }
}

fn server(text: &str) -> Result<String, String> {
    let url =
        Url::parse(&format!("redis://{text}")).map_err(|error| format!("a server is host:port ({error})"))?;
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) if !host.is_empty() => Ok(format!("{host}:{port}")),
        (Some(host), None) if !host.is_empty() => Ok(format!("{host}:6379")),
        _ => Err("a server is host:port".to_owned()),
    }
}

fn database(text: &str) -> Result<i64, String> {
    match text {
        "" => Ok(0),
        text => text.parse::<u8>().map(i64::from).map_err(|_| format!("\"{text}\" is not a database number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_urls_name_each_topology() {
        let topology = |text: &str| RedisUrl::parse(text).map(|url| (url.tls, url.topology));
        let servers = |list: &[&str]| list.iter().map(|&server| server.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            topology("redis://redis"),
            Ok((false, Topology::Single { server: "redis:6379".into(), database: 0 }))
        );
        assert_eq!(
            topology("rediss://r:1/2"),
            Ok((true, Topology::Single { server: "r:1".into(), database: 2 }))
        );
        assert_eq!(
            topology("redis+cluster://a:1,b:2"),
            Ok((false, Topology::Cluster { servers: servers(&["a:1", "b:2"]) }))
        );
        assert_eq!(
            topology("redis+sentinel://a:1,b:2/primary/3"),
            Ok((
                false,
                Topology::Sentinel {
                    servers: servers(&["a:1", "b:2"]),
                    primary: "primary".into(),
                    database: 3
                }
            ))
        );
        assert_eq!(RedisUrl::parse("redis://app@r:1").map(|url| url.username), Ok(Some("app".into())));
        for bad in [
            "redis",
            "http://r",
            "redis://a,b",
            "redis+cluster://a/1",
            "redis+sentinel://a",
            "redis+ring://a",
            "redis://u:secret@r",
            "redis://r/x",
            "redis://:1",
        ] {
            assert!(RedisUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
