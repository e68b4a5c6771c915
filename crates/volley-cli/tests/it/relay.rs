//! Something between two processes that passes requests on one by one, writes them down, and can
//! keep an answer back: a moment to kill somebody at, without a clock.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::time::Instant;

/// How long anything is waited for before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    /// `GET /path?query`.
    pub(crate) line: String,
    pub(crate) body: String,
    /// The status of its answer, once there was one.
    pub(crate) status: Option<u16>,
}

/// Listens until the test ends.
pub(crate) struct Relay {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    /// Where requests go on to; nowhere yet, or nowhere for the moment.
    target: Option<String>,
    /// Whether a request that got no answer is passed on again until it gets one.
    is_stubborn: bool,
    log: Vec<Passed>,
    /// A word, and how many more answers to requests with it are passed on before one is not.
    keep_back: Option<(String, usize)>,
    /// Connections whose answer is kept back.
    kept: Vec<TcpStream>,
}

impl Relay {
    /// Passes on to `target`, `http://host:port`. What gets no answer there gets none here.
    pub(crate) fn to(target: &str) -> Self {
        let relay = Self::listening(false);
        relay.turn_to(Some(target));
        relay
    }

    /// Passes on to nowhere until it is told where to, and passes on again what got no answer.
    pub(crate) fn stubborn() -> Self {
        Self::listening(true)
    }

    fn listening(is_stubborn: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared::default());
        shared.state().is_stubborn = is_stubborn;
        let passer = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, Arc::clone(&passer)) else { return };
                // Whoever goes away in the middle is the other end's affair.
                thread::spawn(move || shared.pass(stream).ok());
            }
        });
        Self { address, shared }
    }

    /// From now on requests go to `target`, or wait.
    pub(crate) fn turn_to(&self, target: Option<&str>) {
        let host = target.map(|target| target.trim_start_matches("http://").to_owned());
        self.shared.state().target = host;
        self.shared.news.notify_all();
    }

    /// Does not pass on the answer to request number `number`, from 1, among those to come whose
    /// line has `word` in it.
    pub(crate) fn keep_back(&self, word: &str, number: usize) {
        self.shared.state().keep_back = Some((word.to_owned(), number - 1));
    }

    /// Waits until an answer is kept back; the requests so far, that one last.
    #[track_caller]
    pub(crate) fn until_kept_back(&self) -> Vec<Passed> {
        self.until("an answer is kept back", |_, kept| kept > 0)
    }

    /// Gives up the connections whose answer was kept back.
    pub(crate) fn let_go(&self) {
        self.shared.state().kept.clear();
    }

    /// Waits until so many requests were answered.
    #[track_caller]
    pub(crate) fn until_answered(&self, requests: usize) -> Vec<Passed> {
        let is_answered =
            |log: &[Passed], _| log.iter().filter(|passed| passed.status.is_some()).count() >= requests;
        self.until("enough requests are answered", is_answered)
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&[Passed], usize) -> bool) -> Vec<Passed> {
        let start = Instant::now();
        let mut state = self.shared.state();
        while !is_so(&state.log, state.kept.len()) {
            assert!(start.elapsed() < PATIENCE, "{what}: never, after {:#?}", state.log);
            state = self.shared.wait(state);
        }
        state.log.clone()
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Passed> {
        self.shared.state().log.clone()
    }

    /// The lines of the requests with `word` in them, of those behind the first `before` requests.
    pub(crate) fn lines(&self, before: usize, word: &str) -> Vec<String> {
        let log = self.log();
        let lines = log[before..].iter().map(|passed| passed.line.clone());
        lines.filter(|line| line.contains(word)).collect()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until something may have changed.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.news.wait_timeout(state, Duration::from_millis(50));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Passes on the one request of a connection, and its answer.
    fn pass(&self, mut caller: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(caller.try_clone()?);
        let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut line)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let lower = header.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if !lower.starts_with("connection:") && !header.trim().is_empty() {
                head.push_str(&header);
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let shown = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        let number = {
            let mut state = self.state();
            let body = String::from_utf8_lossy(&body).into_owned();
            state.log.push(Passed { line: shown.clone(), body, status: None });
            state.log.len() - 1
        };
        self.news.notify_all();
        let request = [line.as_bytes(), b"connection: close\r\n", head.as_bytes(), b"\r\n", &body].concat();
        let answer = loop {
            let answer = self.target().and_then(|target| exchange(&target, &request));
            if answer.is_some() || !self.state().is_stubborn {
                break answer;
            }
            thread::sleep(Duration::from_millis(10));
        };
        let Some((status, answer)) = answer else { return Ok(()) };
        {
            let mut state = self.state();
            state.log[number].status = Some(status);
            if let Some((word, left)) = &mut state.keep_back
                && shown.contains(&*word)
            {
                if *left == 0 {
                    state.keep_back = None;
                    state.kept.push(caller);
                    self.news.notify_all();
                    return Ok(());
                }
                *left -= 1;
            }
        }
        self.news.notify_all();
        caller.write_all(&answer)
    }

    /// Where a request goes, as soon as there is somewhere.
    fn target(&self) -> Option<String> {
        let mut state = self.state();
        while state.target.is_none() {
            state = self.wait(state);
        }
        state.target.clone()
    }
}

/// The status and the bytes of an answer; `None` where none came.
fn exchange(target: &str, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(target).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    // What came before a reset counts as well.
    stream.read_to_end(&mut answer).ok();
    let head = String::from_utf8_lossy(answer.get(..16.min(answer.len()))?).into_owned();
    Some((head.split(' ').nth(1)?.parse().ok()?, answer))
}
