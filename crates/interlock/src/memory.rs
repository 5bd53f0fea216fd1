//! Where the program's memory comes from.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// A message makes hundreds of small pieces on one thread that another thread lets go; the
/// system's allocator takes a third of the engine's time for them. SQLite and zstd take theirs
/// from here too (the feature `override`): the system's allocator would keep a heap for each of
/// the threads that a reader of the record comes by, two thirds of them empty. It is mimalloc 3,
/// whose threads share pages: with mimalloc 2 each kept some MiB of its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, whose place `libmimalloc-sys` does not name: for how
/// many milliseconds pages that are free stay the process's own. `MIMALLOC_PURGE_DELAY` in the
/// environment says it from outside.
const PURGE_DELAY: mi_option_t = 15;
/// That time. With mimalloc's own second the node keeps what its largest requests took. With one
/// millisecond it has the least, and an order costs a tenth more of the processor, in pages that
/// are given back and taken again; with twenty nothing that could be measured.
const PURGE_AFTER_MS: c_long = 20;

/// Has pages that are free given back to the system soon.
#[expect(unsafe_code, reason = "an option of mimalloc has no other setter than its C function")]
pub(crate) fn give_back_soon() {
    // SAFETY: the call writes a number into a table of mimalloc's own. It must not be made twice
    // at the same time, and no thread has been started yet.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_AFTER_MS) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "an option is read by a C function")]
    fn the_option_is_the_delay() {
        // SAFETY: the call reads a number from a table, and nothing else here writes it.
        let delay = || unsafe { mi_option_get(PURGE_DELAY) };
        // What mimalloc's `options.c` says for this option and for no other.
        assert_eq!(delay(), 1000);
        give_back_soon();
        assert_eq!(delay(), PURGE_AFTER_MS);
    }
}
