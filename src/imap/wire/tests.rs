//! What of a server's answers is believed, and when.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::*;

/// A wire to a server that says this, whatever it hears.
fn wire(said: &str) -> (Wire, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut server = listener.accept().unwrap().0;
    server.write_all(said.as_bytes()).unwrap();
    (Wire::new(&tcp, Duration::from_secs(10), None, |socket| Ok(Box::new(socket))).unwrap(), server)
}

#[test]
fn the_result_of_a_command_that_was_given_aside_may_come_before_others() {
    let (wire, _server) = wire("M2 NO two\r\n* 1 EXISTS\r\nM1 OK one\r\nM3 OK three\r\n");
    let tags = [wire.give("NOOP").unwrap(), wire.give_aside("NOOP").unwrap(), wire.give_aside("NOOP").unwrap()];
    let mut data = 0;
    assert!(wire.result(&tags[0], 0, |_| data += 1).unwrap().refusal().is_none());
    assert_eq!(data, 1);
    assert!(wire.has_come(&tags[1]) && wire.has_come(&tags[2]));
    assert_eq!(wire.result(&tags[1], 0, |_| ()).unwrap().refusal().unwrap().text, "two");
    assert!(wire.result(&tags[2], 0, |_| ()).unwrap().refusal().is_none());
}

#[test]
fn what_has_come_of_an_answer_is_told_before_its_end_comes() {
    let (wire, mut server) = wire("* 1 EXISTS\r\n* 2 EXISTS\r\n* 3 EX");
    let tag = wire.give("NOOP").unwrap();
    let mut told = Vec::new();
    let mut so_far = || {
        let result = wire.result_so_far(&tag, |values| told.push(values[0].number().unwrap())).unwrap();
        (result.is_some(), std::mem::take(&mut told))
    };
    assert_eq!(so_far(), (false, vec![1, 2]));
    server.write_all(b"ISTS\r\nM1 OK done\r\n").unwrap();
    assert_eq!(so_far(), (true, vec![3]));
}

#[test]
fn a_result_of_no_command_or_twice_the_same_is_nonsense() {
    for said in ["M9 OK\r\n", "X2 OK\r\n", "M02 OK\r\n", "M3 OK\r\n", "M2 OK\r\nM2 OK\r\n"] {
        let (wire, _server) = wire(said);
        let tags = [wire.give("NOOP").unwrap(), wire.give_aside("NOOP").unwrap(), wire.give("NOOP").unwrap()];
        let result = wire.result(&tags[0], 0, |_| ());
        assert!(matches!(result, Err(ImapError::Nonsense { .. })), "{said}");
    }
}

#[test]
fn a_connection_that_is_dropped_is_closed_whoever_could_have_cut_it() {
    let (wire, mut server) = wire("");
    let canceller = wire.canceller();
    drop(wire);
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(server.read(&mut [0; 1]).unwrap(), 0, "it is still open");
    canceller.cancel();
}
