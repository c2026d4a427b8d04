//! A minimal HTTP server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Starts a server on loopback that responds to every request with `body`. Returns its address.
///
/// The server adds little to a measurement: it has a blocking thread for each connection, and writes the
/// response with one system call. It runs until the program ends.
///
/// # Errors
/// If it cannot listen on a port.
pub fn serve(body: &[u8]) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    let response: Arc<[u8]> = [head.as_bytes(), body].concat().into();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let response = Arc::clone(&response);
            // The thread ends when the client disconnects.
            thread::spawn(move || respond_to_all(stream, &response));
        }
    });
    Ok(address)
}

fn respond_to_all(mut stream: TcpStream, response: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..length]);
        // The clients send no bodies.
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(response)?;
        }
    }
}
