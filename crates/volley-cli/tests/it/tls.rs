//! TLS as the provider's end sees it: whom the sender trusts, and that nothing of a request is told
//! to anybody else. Authorities are made here and trusted through `SSL_CERT_FILE`, as a company's
//! own would be.

use crate::{
    providers::{Provider, count},
    volley::{Folder, Ran, volley},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, Stream,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What a server heard: the protocol that was agreed on, and the requests under TLS.
#[derive(Default)]
struct Heard {
    protocol: Option<Vec<u8>>,
    plain: Vec<u8>,
    /// The first bytes of each connection where no TLS is spoken.
    openings: Vec<Vec<u8>>,
}

/// Who signs certificates, and the file that says to trust it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server with a certificate that this authority signed.
    fn server(&self, params: &CertificateParams) -> (SocketAddr, Arc<Mutex<Heard>>) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        serve(certificate.der().clone(), &key)
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}

/// A server that takes every message over TLS and would rather speak HTTP/2.
fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> (SocketAddr, Arc<Mutex<Heard>>) {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let mut config = config.expect("a certificate and its key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    listen(move |tcp, heard| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = Stream::new(&mut tls, tcp);
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("Sale") {
            match stream.read(&mut piece) {
                Ok(count @ 1..) => request.extend_from_slice(&piece[..count]),
                _ => break, // refused
            }
        }
        if !request.is_empty() {
            let body = r#"{"status":1,"request":"sms/send","smsid":7741,"parts":1,"price":0.05}"#;
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            stream.write_all(format!("{head}{body}").as_bytes()).ok();
        }
        heard.plain.extend(request);
        heard.protocol = tls.alpn_protocol().map(<[u8]>::to_vec);
    })
}

/// A server that answers whatever comes first with these bytes.
fn answer(bytes: &'static [u8]) -> (SocketAddr, Arc<Mutex<Heard>>) {
    listen(move |tcp, heard| {
        let mut opening = vec![0; 4096];
        let count = tcp.read(&mut opening).unwrap_or(0);
        opening.truncate(count);
        heard.openings.push(opening);
        tcp.write_all(bytes).ok();
    })
}

fn listen(serve: impl Fn(&mut TcpStream, &mut Heard) + Send + 'static) -> (SocketAddr, Arc<Mutex<Heard>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Arc::new(Mutex::new(Heard::default()));
    let written = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(&mut stream.expect("a connection"), &mut written.lock().expect("no panic"));
        }
    });
    (address, heard)
}

/// Sends one text to `https://localhost` at the port of `address`, trusting what `pem` says.
fn send(address: SocketAddr, pem: &str) -> Ran {
    let folder = Folder::new();
    let base_url = format!("https://localhost:{}", address.port());
    Provider::of("maxotel").campaign(&folder, &base_url, 1, "", "timeout = \"20s\"\n");
    folder.write("authority.pem", pem);
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "--json", "-q"]);
    sender.env("SSL_CERT_FILE", folder.path("authority.pem")).env_remove("SSL_CERT_DIR");
    Ran::of(&sender.output().expect("it runs"))
}

#[test]
fn an_authority_that_is_trusted_is_spoken_to_and_in_http_1_1_alone() {
    let authority = Authority::new();
    let (address, heard) = authority.server(&named("localhost"));
    let ran = send(address, &authority.pem).exits(0);
    assert_eq!(count(&ran.json(), "/recipients/accepted"), 1);
    let heard = heard.lock().expect("no panic");
    assert_eq!(heard.protocol.as_deref(), Some(&b"http/1.1"[..]), "the server would rather speak h2");
    let request = String::from_utf8_lossy(&heard.plain);
    assert!(request.starts_with("POST /sms/send HTTP/1.1\r\n"), "{request}");
}

#[test]
fn nothing_is_said_to_whom_no_trusted_authority_vouches_for() {
    let authority = Authority::new();
    let key = KeyPair::generate().expect("a key");
    let own = named("localhost").self_signed(&key).expect("a certificate");
    let mut expired = named("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut early = named("localhost");
    (early.not_before, early.not_after) = (date_time_ymd(2120, 1, 1), date_time_ymd(2121, 1, 1));
    // A fatal alert: no such version of the protocol.
    let version_alert = b"\x15\x03\x02\x00\x02\x02\x46";
    // What a server says that speaks TLS 1.1 at most: its version, 32 bytes, no session, a cipher.
    let version_1_1 = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02\
        0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
    for (what, (address, heard)) in [
        ("expired", authority.server(&expired)),
        ("not yet valid", authority.server(&early)),
        ("another name", authority.server(&named("api.example.com"))),
        ("signed by itself", serve(own.der().clone(), &key)),
        ("another authority", Authority::new().server(&named("localhost"))),
        ("TLS 1.1 refused", answer(version_alert)),
        ("TLS 1.1 spoken", answer(version_1_1)),
        ("plain HTTP", answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")),
    ] {
        let ran = send(address, &authority.pem).exits(2);
        assert!(ran.stderr.contains("TLS failed") || ran.stderr.contains("setting"), "{what}: {ran:#?}");
        let told = ran.json();
        assert_eq!((count(&told, "/recipients/pending"), count(&told, "/requests/sent")), (1, 1), "{what}");
        let heard = heard.lock().expect("no panic");
        assert!(heard.plain.is_empty(), "{what}: {}", String::from_utf8_lossy(&heard.plain));
        assert!(heard.openings.iter().all(|bytes| bytes.first() == Some(&0x16)), "{what}: TLS or nothing");
    }
}
