//! A server that costs next to nothing.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Answers every request on this machine with `body`, head and body in one piece. It has a thread for each
/// connection, which waits in the kernel, so that as little as can be of what is measured is the server's; it lives as
/// long as the program.
///
/// # Errors
/// If there is no port to listen on.
pub fn serve(body: &[u8]) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    let answer: Arc<[u8]> = [head.as_bytes(), body].concat().into();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that goes away ends its thread.
            thread::spawn(move || answer_all(stream, &answer));
        }
    });
    Ok(address)
}

fn answer_all(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..length]);
        // Nobody sends a body here.
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(answer)?;
        }
    }
}
