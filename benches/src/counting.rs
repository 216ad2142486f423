//! An allocator that counts, while it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Counting;

fn took(bytes: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let live = LIVE.fetch_add(bytes as u64, Ordering::Relaxed).wrapping_add(bytes as u64);
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

fn gave(bytes: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        LIVE.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        gave(layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        gave(layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Returns the allocations during `run`, and by how many bytes the heap grew at most.
pub(crate) fn counted(run: impl FnOnce()) -> (u64, u64) {
    // What is freed during `run` was mostly allocated in it; the offset keeps the rest from wrapping around.
    const OFFSET: u64 = 1 << 40;
    ALLOCATIONS.store(0, Ordering::Relaxed);
    LIVE.store(OFFSET, Ordering::Relaxed);
    PEAK.store(OFFSET, Ordering::Relaxed);
    IS_COUNTING.store(true, Ordering::SeqCst);
    run();
    IS_COUNTING.store(false, Ordering::SeqCst);
    (ALLOCATIONS.load(Ordering::Relaxed), PEAK.load(Ordering::Relaxed) - OFFSET)
}
