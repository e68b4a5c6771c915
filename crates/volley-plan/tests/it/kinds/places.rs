//! Paths that are no lists, and lists that change while they are read.

use crate::world::{Taken, World, offer, run, run_into};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::PathBuf,
};
use volley_core::{Message, PriceId};
use volley_plan::{Input, PlanError, Preview, Reject, Sink, SinkError};

/// Why the list at this path is refused.
fn refusal(world: &World, path: PathBuf) -> PlanError {
    let mut campaign = world.campaign("Hi", "");
    campaign.recipients.input = Input::File(path);
    run(&campaign, &offer()).expect_err("no list")
}

#[test]
fn a_list_that_is_not_there_is_exit_10() {
    let world = World::new();
    let missing = refusal(&world, world.path("none.csv"));
    assert_eq!(missing.exit_code(), 10);
    assert!(
        missing.to_string().ends_with("none.csv: no such file; paths in a campaign file are relative to it")
    );
}

#[test]
fn a_directory_is_named() {
    let world = World::new();
    let folder = refusal(&world, world.path(""));
    assert_eq!(folder.exit_code(), 2, "57 directory");
    assert!(folder.to_string().contains("this is a directory, not a file"), "{folder}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_named_and_never_waited_for() {
    use std::{
        os::unix::{fs::symlink, net::UnixListener},
        process::Command,
    };
    let world = World::new();
    let made = Command::new("mkfifo").arg(world.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let _listener = UnixListener::bind(world.path("socket")).expect("a socket");
    for (link, target) in
        [("loop", "loop"), ("to-pipe", "pipe"), ("to-device", "/dev/zero"), ("to-nowhere", "none.csv")]
    {
        symlink(target, world.path(link)).expect("a link");
    }
    for (kind, path, says, exit_code) in [
        ("57 FIFO", world.path("pipe"), "this is a named pipe, not a file", 2),
        ("57 FIFO behind a link", world.path("to-pipe"), "this is a named pipe, not a file", 2),
        ("57 device", "/dev/null".into(), "this is a device, not a file", 2),
        ("57 device behind a link", world.path("to-device"), "this is a device, not a file", 2),
        ("57 socket", world.path("socket"), "this is a socket, not a file", 2),
        ("57 symlink loop", world.path("loop"), "cannot be opened", 2),
        ("57 link to nothing", world.path("to-nowhere"), "no such file", 10),
    ] {
        let error = refusal(&world, path);
        assert_eq!(error.exit_code(), exit_code, "{kind}: {error}");
        assert!(error.to_string().contains(says), "{kind}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_list_is_that_list() {
    let world = World::new();
    world.write("people.csv", "phone\n0491570006\n");
    std::os::unix::fs::symlink("people.csv", world.path("list.csv")).expect("a link");
    let (preview, _) = run(&world.campaign("Hi", ""), &offer()).expect("a list");
    assert_eq!(preview.accepted, 1);
}

/// Does something to the list when the first message comes.
struct Meddler<F> {
    taken: Taken,
    meddle: Option<F>,
}

impl<F: FnOnce() + Send> Sink for Meddler<F> {
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        if let Some(meddle) = self.meddle.take() {
            meddle();
        }
        self.taken.message(message, price)
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        self.taken.reject(reject)
    }
}

/// A pass over a list of 32 MiB, larger than what is read ahead, to which `meddle` happens after
/// its first row.
fn meddled(world: &World, extra: &str, meddle: impl FnOnce() + Send) -> Result<(Preview, Taken), PlanError> {
    let mut list = String::from("phone,note\n");
    let note = "x".repeat(4_000);
    for index in 0..8_000 {
        list.push_str(&format!("+{},{note}\n", 66_800_000_000_u64 + index));
    }
    world.write("list.csv", list);
    let mut sink = Meddler { taken: Taken::default(), meddle: Some(meddle) };
    let campaign = world.campaign("Hi", extra);
    let preview = run_into(&mut sink, &campaign, &offer())?;
    Ok((preview, sink.taken))
}

#[test]
fn a_list_that_grows_or_shrinks_while_it_is_read_is_refused() {
    for duplicates in ["first", "last", "fail"] {
        let extra = format!("duplicates = \"{duplicates}\"\n");
        let world = World::new();
        let path = world.path("list.csv");
        let open = || OpenOptions::new().append(true).open(&path).expect("it is there");
        let grown = meddled(&world, &extra, || open().write_all(b"0491570006,late\n").expect("written"));
        let shrunk = meddled(&world, &extra, || open().set_len(16 * 1024 * 1024).expect("cut"));
        for (what, passed) in [("grown", grown), ("shrunk", shrunk)] {
            let error = passed.err().unwrap_or_else(|| panic!("{what}, {duplicates}: accepted"));
            assert!(error.to_string().contains("the file changed while it was read"), "{what}: {error}");
            assert!(error.to_string().contains("list.csv"), "{what}: {error}");
        }
    }
}

/// The old list stays whole under the hands of who reads it.
#[test]
fn a_list_that_is_replaced_while_it_is_read_is_the_old_one_to_its_end() {
    let world = World::new();
    world.write("new.csv", "phone,note\n0491570006,new\n");
    let (new, path) = (world.path("new.csv"), world.path("list.csv"));
    let (preview, taken) =
        meddled(&world, "", || fs::rename(&new, &path).expect("replaced")).expect("the old list");
    assert_eq!((preview.rows, taken.messages.len()), (8_000, 8_000));
}
