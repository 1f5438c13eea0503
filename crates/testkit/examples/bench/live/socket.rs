//! A WebSocket client that costs as little as possible: it shares the machine with what it measures.

use std::{io::ErrorKind, net::SocketAddr, sync::Arc};

use anyhow::{bail, ensure};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};

/// What is read at once.
const CHUNK: usize = 8192;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A connection.
pub(crate) struct Socket {
    mouth: Mouth,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

/// Where something can be said while somebody else listens.
#[derive(Clone)]
pub(crate) struct Mouth(Arc<TcpStream>);

impl Socket {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            // One by one: a frame may stand right behind.
            answer.push(stream.read_u8().await?);
        }
        ensure!(answer.starts_with(b"HTTP/1.1 101"), "no WebSocket: {}", String::from_utf8_lossy(&answer));
        Ok(Self { mouth: Mouth(Arc::new(stream)), rest: Vec::new() })
    }

    pub(crate) fn mouth(&self) -> Mouth {
        self.mouth.clone()
    }

    /// Waits until something has come, and shows each whole message.
    pub(crate) async fn hear(&mut self, mut each: impl FnMut(&str)) -> anyhow::Result<()> {
        loop {
            self.mouth.0.readable().await?;
            let mut chunk = [0; CHUNK];
            let read = match self.mouth.0.try_read(&mut chunk) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            return self.take(&chunk[..read], &mut each);
        }
    }

    /// Waits for a message that begins so, and answers it.
    pub(crate) async fn wait_for(&mut self, beginning: &str) -> anyhow::Result<String> {
        let mut found = None;
        while found.is_none() {
            self.hear(|message| {
                if message.starts_with(beginning) {
                    found = Some(message.to_owned());
                }
            })
            .await?;
        }
        Ok(found.unwrap_or_default())
    }

    fn take(&mut self, new: &[u8], each: &mut impl FnMut(&str)) -> anyhow::Result<()> {
        if self.rest.is_empty() {
            let used = self.mouth.frames(new, each)?;
            self.rest.extend_from_slice(&new[used..]);
        } else {
            self.rest.extend_from_slice(new);
            let used = self.mouth.frames(&self.rest, each)?;
            self.rest.drain(..used);
        }
        Ok(())
    }
}

impl Mouth {
    /// Says something short.
    pub(crate) fn say(&self, text: &str) -> anyhow::Result<()> {
        self.frame(TEXT, text.as_bytes())
    }

    /// Shows the messages of all whole frames. How many bytes those were.
    fn frames(&self, bytes: &[u8], each: &mut impl FnMut(&str)) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some((kind, payload, length)) = frame(&bytes[used..]) {
            match kind {
                TEXT => each(std::str::from_utf8(payload)?),
                PING => self.frame(PONG, payload)?,
                PONG => {}
                CLOSE => bail!("the server says good-bye: {}", String::from_utf8_lossy(payload)),
                other => bail!("a frame of the kind {other}"),
            }
            used += length;
        }
        Ok(used)
    }

    fn frame(&self, kind: u8, payload: &[u8]) -> anyhow::Result<()> {
        let mut frame = vec![0x80 | kind];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short)?),
            long => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(long)?.to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        let written = self.0.try_write(&frame)?;
        ensure!(written == frame.len(), "the server does not read");
        Ok(())
    }
}

/// The first frame, when it is whole: its kind, what it carries, and its length.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (begin, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(rest.first_chunk().copied()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(rest.first_chunk().copied()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(begin..begin + length)?;
    Some((first & 0x0f, payload, begin + length))
}
