//! A client that sends what it is told, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: Vec<u8>,
    pub(crate) body: String,
}

impl Answer {
    /// The bytes of a header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.head.split(|byte| *byte == b'\n').find_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (found, value) = line.split_at(colon);
            found.eq_ignore_ascii_case(name.as_bytes()).then(|| value[1..].trim_ascii())
        })
    }

    /// A header's value as text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.header(name).map_or("", |value| std::str::from_utf8(value).expect("the header is text"))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request: the line without its version, headers, a body.
pub(crate) async fn send(to: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut text = format!("{line} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text += &format!("host: {to}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    raw(to, format!("{text}connection: close\r\n\r\n{body}").as_bytes()).await
}

/// `GET` without further headers.
pub(crate) async fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, &format!("GET {path}"), &[], "").await
}

/// Sends bytes and reads the answer to its end.
pub(crate) async fn raw(to: SocketAddr, request: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.expect("the server listens");
        stream.write_all(request).await.expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the server answers");
        answer
    };
    let answer = tokio::time::timeout(Duration::from_secs(60), exchange).await.expect("the server answers in time");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("the answer has a head");
    let (head, body) = answer.split_at(end);
    let status = std::str::from_utf8(&head[9..12]).expect("a status").parse().expect("a number");
    Answer { status, head: head.to_vec(), body: String::from_utf8_lossy(&body[4..]).into_owned() }
}
