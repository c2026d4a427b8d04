//! Checks that a webhook delivery of any bytes neither panics nor takes more memory than allowed.
//!
//! Each input becomes three deliveries. The first is the input itself. The second contains the input as its
//! gzip data. The third contains the input packed with gzip. A counting allocator measures the memory. Error
//! messages must have fewer than 100 bytes, since a longer message might repeat the delivery.
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
/// Bytes of memory that a delivery may take for each byte of its text. A list of `{}` takes more memory than
/// any other text of the same length.
const MAX_MEMORY_PER_BYTE: usize = 64;
/// Bytes of memory that a delivery may take in addition, whatever the length of its text. The gzip decoder
/// and an error message need them.
const FIXED_MEMORY: usize = 256 * 1024;

static RECEIVER: LazyLock<Receiver> =
    LazyLock::new(|| Receiver::builder().max_body(MAX_UNPACKED).max_decompressed(MAX_UNPACKED).no_auth());

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct CountingAllocator;

unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Receives a delivery with at most `text_length` bytes of text. Checks the memory used. Also checks the
/// number of events or, if there was an error, the length of its message.
fn receive(body: &[u8], text_length: usize) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    match RECEIVER.receive(None, body) {
        // An event has a key with quotes, a colon and a value: at least 4 bytes.
        Ok(delivery) => assert!(delivery.events.len() <= text_length / 4),
        Err(error) => assert!(error.to_string().len() < 100, "{error}"),
    }
    let peak = PEAK.load(Ordering::Relaxed) - before;
    assert!(peak <= text_length * MAX_MEMORY_PER_BYTE + FIXED_MEMORY, "{peak} bytes for {text_length}");
}

/// Returns a delivery whose events are packed as `gzip`.
fn packed_delivery(gzip: &[u8]) -> Vec<u8> {
    format!("{{\"events\":\"{}\"}}", STANDARD.encode(gzip)).into_bytes()
}

fuzz_target!(|input: &[u8]| {
    receive(input, input.len().max(MAX_UNPACKED));
    receive(&packed_delivery(input), MAX_UNPACKED);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(input).unwrap();
    receive(&packed_delivery(&gzip.finish().unwrap()), MAX_UNPACKED);
});
