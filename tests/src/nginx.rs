//! A real nginx with TLS before the broker, as most of them will stand.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::raw::authority;
use crate::redis_server::free_port;
use crate::tls::Certificate;

/// A running server; it is killed when dropped.
pub struct Nginx {
    /// `https://localhost:…`.
    pub url: String,
    /// Its authority's certificate, in PEM.
    pub ca: String,
    child: Child,
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
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .args(["-e", "error.log", "-c", "nginx.conf"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx, which scripts/test installs");
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let errors = || std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
            assert!(child.try_wait().expect("child").is_none(), "nginx ended:\n{}", errors());
            assert!(Instant::now() < deadline, "nginx does not listen:\n{}", errors());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { url: format!("https://localhost:{port}"), ca: certificate.ca, child, _folder: folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
