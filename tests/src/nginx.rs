//! A real nginx with TLS before the broker, as most of them will stand.

use tempfile::TempDir;

use crate::programs::program;
use crate::raw::authority;
use crate::redis_server::free_port;
use crate::server::Server;
use crate::tls::Certificate;

/// A running server; it is killed when dropped.
pub struct Nginx {
    /// `https://localhost:…`.
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    _server: Server,
    _folder: TempDir,
}

impl Nginx {
    /// Sends `/legacy/` to an upload server and everything else to the broker.
    pub fn before(broker: &str, uploads: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let certificate = Certificate::for_loopback();
        let port = free_port();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("file");
        write("tls.crt", &certificate.chain);
        write("tls.key", &certificate.key);
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .join(" ");
        write(
            "nginx.conf",
            &format!(
                "daemon off; master_process off; pid nginx.pid; error_log error.log;\n\
                 events {{ worker_connections 64; }}\n\
                 http {{ access_log off; {temporary}\n\
                   server {{ listen 127.0.0.1:{port} ssl; ssl_certificate tls.crt; ssl_certificate_key tls.key;\n\
                     proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
                     location /legacy/ {{ proxy_pass http://{}; }}\n\
                     location / {{ proxy_pass http://{}; }}\n  }}\n}}\n",
                authority(uploads),
                authority(broker),
            ),
        );
        let mut command = program("nginx");
        command.arg("-p").arg(folder.path()).args(["-e", "error.log", "-c", "nginx.conf"]);
        let server = Server::start(command, folder.path(), port);
        Self {
            url: format!("https://localhost:{port}"),
            ca: certificate.ca,
            _server: server,
            _folder: folder,
        }
    }
}
