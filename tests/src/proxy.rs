//! A TCP proxy that cuts connections and holds back answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A proxy before a server on loopback; it ends when dropped.
pub struct Proxy {
    pub port: u16,
    faults: Arc<Faults>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Faults {
    /// How many answers are thrown away, each together with its connection.
    cut_answers: AtomicUsize,
    /// Only answers to requests that contain this are cut, if it is not empty.
    cut_after: std::sync::Mutex<Vec<u8>>,
    /// Whether answers are held back.
    hold: AtomicBool,
    released: Notify,
    /// How many answers were cut.
    cut: AtomicUsize,
}

impl Proxy {
    /// Before a port of loopback.
    pub async fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, Arc::clone(&shared)));
            }
        });
        Self { port, faults, task }
    }

    /// Cuts the connection instead of passing on the next answers to requests that contain `marker`:
    /// the server has done what it was asked, and no one hears of it.
    pub fn cut_answers_to(&self, marker: &[u8], count: usize) {
        *self.faults.cut_after.lock().expect("lock") = marker.to_vec();
        self.faults.cut_answers.store(count, Ordering::SeqCst);
    }

    /// How many answers were cut so far.
    pub fn cut(&self) -> usize {
        self.faults.cut.load(Ordering::SeqCst)
    }

    /// Holds back every answer, or lets them pass again.
    pub fn hold(&self, hold: bool) {
        self.faults.hold.store(hold, Ordering::SeqCst);
        self.faults.released.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, target: u16, faults: Arc<Faults>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let armed = Arc::new(AtomicBool::new(false));
    let (watch, arm) = (Arc::clone(&faults), Arc::clone(&armed));
    let requests = async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let marker = watch.cut_after.lock().expect("lock").clone();
            if watch.cut_answers.load(Ordering::SeqCst) > 0 && contains(&buffer[..read], &marker) {
                arm.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let answers = async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            loop {
                let released = faults.released.notified();
                if !faults.hold.load(Ordering::SeqCst) {
                    break;
                }
                released.await;
            }
            if armed.load(Ordering::SeqCst) && take_one(&faults.cut_answers) {
                faults.cut.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}

fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    marker.is_empty() || bytes.windows(marker.len()).any(|window| window == marker)
}

fn take_one(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
