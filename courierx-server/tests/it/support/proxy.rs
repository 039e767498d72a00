//! Something between two programs that cuts their connections, refuses them, or swallows what it is given.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::binary::PATIENCE;

/// How the proxy treats connections, those that are open included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes everything on.
    Pass,
    /// Closes each connection when so many more bytes of answers have passed.
    CutWithin(usize),
    /// Closes every connection, and each new one at once.
    Refuse,
    /// Takes everything and passes nothing on. A connection that lost something that way stays so for ever.
    Hang,
}

/// A proxy on this machine; it ends with the test's runtime.
pub(crate) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    swallowing: Arc<watch::Sender<usize>>,
}

/// Whom it leads to.
#[derive(Debug, Clone)]
enum Target {
    Port(u16),
    Socket(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Target {
    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

impl Proxy {
    /// To a port of this machine.
    pub(crate) async fn to_port(port: u16) -> Self {
        Self::start(Target::Port(port)).await
    }

    /// To a socket in the file system.
    pub(crate) async fn to_socket(path: PathBuf) -> Self {
        Self::start(Target::Socket(path)).await
    }

    async fn start(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy =
            Self { port, mode: watch::Sender::new(Mode::Pass), swallowing: Arc::new(watch::Sender::new(0)) };
        let (mode, swallowing) = (proxy.mode.subscribe(), Arc::clone(&proxy.swallowing));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, mode, swallowing) = (target.clone(), mode.clone(), Arc::clone(&swallowing));
                tokio::spawn(async move {
                    if *mode.borrow() != Mode::Refuse
                        && let Ok(server) = target.connect().await
                    {
                        let _ = carry(client, server, mode, &swallowing).await;
                    }
                });
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn become_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Waits until so many connections have lost something.
    pub(crate) async fn swallows(&self, connections: usize) {
        let mut swallowing = self.swallowing.subscribe();
        let enough = swallowing.wait_for(|count| *count >= connections);
        tokio::time::timeout(PATIENCE, enough).await.expect("it is given something").unwrap();
    }
}

/// Carries what both say, until one of them has nothing more to say, or the mode says so.
async fn carry(
    mut client: TcpStream,
    mut server: Box<dyn Stream>,
    mut mode: watch::Receiver<Mode>,
    swallowing: &watch::Sender<usize>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (mut question, mut answer) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut left, mut lost) = (usize::MAX, false);
    mode.mark_changed();
    loop {
        let (is_answer, count) = tokio::select! {
            biased;
            changed = mode.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                left = match *mode.borrow_and_update() {
                    Mode::Refuse => return Ok(()),
                    Mode::CutWithin(bytes) => bytes,
                    Mode::Pass | Mode::Hang => usize::MAX,
                };
                continue;
            }
            read = client.read(&mut question) => (false, read?),
            read = server.read(&mut answer) => (true, read?),
        };
        if count == 0 {
            return Ok(());
        }
        if *mode.borrow() == Mode::Hang && !lost {
            lost = true;
            swallowing.send_modify(|count| *count += 1);
        }
        if lost {
            continue;
        }
        if is_answer {
            let passed = count.min(left);
            client.write_all(&answer[..passed]).await?;
            left -= passed;
            if left == 0 {
                return Ok(());
            }
        } else {
            server.write_all(&question[..count]).await?;
        }
    }
}
