//! A delivery of any bytes: nothing panics, no more is unpacked than may be, and what is refused is not repeated.
//!
//! The input is tried as a delivery, as what the events in one are packed in, and as what they are unpacked to. A
//! counting allocator says how much memory it takes.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use ultracart_client::webhook::Receiver;

const MAX_UNPACKED: usize = 64 * 1024;
/// The objects that are read take a multiple of their text: of `{}` in a list the most.
const MULTIPLE: usize = 64;
/// What gzip needs for itself, and an error's text.
const BESIDES: usize = 256 * 1024;

static RECEIVER: LazyLock<Receiver> =
    LazyLock::new(|| Receiver::builder().max_body(MAX_UNPACKED).max_unpacked(MAX_UNPACKED).no_auth());

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn receive(body: &[u8], text: usize) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    match RECEIVER.receive(None, body) {
        // Each has a key, with its quotes, a colon and a value.
        Ok(delivery) => assert!(delivery.events.len() <= text / 4),
        Err(refused) => assert!(refused.to_string().len() < 100, "{refused}"),
    }
    let most = MOST.load(Ordering::Relaxed) - before;
    assert!(most <= text * MULTIPLE + BESIDES, "{most} bytes for {text}");
}

fn packed(gzip: &[u8]) -> Vec<u8> {
    format!("{{\"events\":\"{}\"}}", STANDARD.encode(gzip)).into_bytes()
}

fuzz_target!(|input: &[u8]| {
    receive(input, input.len().max(MAX_UNPACKED));
    receive(&packed(input), MAX_UNPACKED);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(input).unwrap();
    receive(&packed(&gzip.finish().unwrap()), MAX_UNPACKED);
});
