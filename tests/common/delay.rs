//! A long line: a TCP proxy that delivers every byte half a round trip later, at any rate. Used by benches; for faults there
//! is [`super::proxy`].

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Listens on a port of its own before the server on `upstream`, for as long as the process lives; gives the port.
pub fn line(upstream: u16, round_trip: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A server that is gone shows as a closed connection.
            let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { continue };
            _ = join(&client, &server, round_trip / 2);
        }
    });
    Ok(port)
}

fn join(client: &TcpStream, server: &TcpStream, delay: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        let (queue, waiting) = mpsc::channel::<(Instant, Vec<u8>)>();
        thread::spawn(move || {
            let mut piece = vec![0; 256 * 1024];
            while let Ok(count @ 1..) = from.read(&mut piece) {
                if queue.send((Instant::now() + delay, piece[..count].to_vec())).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || {
            for (due, bytes) in waiting {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
            _ = to.shutdown(Shutdown::Write); // closed already is as good
        });
    }
    Ok(())
}
