//! What is said where it cannot serve.

use std::net::TcpListener;
use std::process::Command;

use crate::common::program;

fn run(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program()).args(words).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_wrong_command_line_is_told_apart() {
    let (code, said) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("<--self-signed|--tls-cert <FILE>>"), "{said}");
    let (code, said) = run(&["--self-signed", "--listen", "8443"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("it is :PORT or ADDRESS:PORT, as in :8443"), "{said}");
    assert_eq!(run(&["--help"]).0, Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--metrics-listen"] {
        let other = if flag == "--listen" { "--metrics-listen" } else { "--listen" };
        let words = ["--self-signed", flag, &address, other, "127.0.0.1:0"];
        let (code, said) = run(&words);
        assert_eq!(code, Some(1));
        let expected = format!("cannot listen on {address} ({flag}): Address already in use");
        assert!(said.contains(&expected), "{said}");
    }
}
