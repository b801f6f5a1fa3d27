//! Strings that grow: `s += part` in a loop without copying all of `s` each time.
//!
//! Not part of upstream (see `CHANGES.md`). A [`GrownString`] is a view of the first `len` units of a buffer with room to
//! spare. When a string is concatenated that ends exactly where its buffer's contents end, the new part is written behind it and
//! the result is a longer view of the same buffer. Contents that have been written never change, so all views stay valid; what
//! a second continuation of the same string needs is copied, because the room is taken by the first.
//!
//! Which strings can be continued is remembered in a small list per thread ([`Candidates`]), found by address and length:
//! [`JsStr`] does not know the string it belongs to. A string becomes a growing one when it was itself the result of a
//! concatenation; a single `a + b` therefore reserves nothing.
use crate::iter::CodePointsIter;
use crate::vtable::JsStringVTable;
use crate::{JsStr, JsStrVariant, JsString, JsStringKind};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::{Cell, RefCell};
use std::process::abort;
use std::ptr::NonNull;

/// Shorter results are copied: that costs no more than the bookkeeping here.
const SHORTEST: usize = 512;
/// Up to this many bytes a buffer doubles; a larger one grows by an eighth.
const DOUBLES_BELOW: usize = 16 << 20;
/// How many strings can be built up side by side.
const REMEMBERED: usize = 8;

/// The storage that views of one growing string share.
struct Buffer {
    /// Views alive.
    refcount: Cell<usize>,
    /// Units written, from the start.
    used: Cell<usize>,
    /// Units there is room for.
    capacity: usize,
    /// One byte for each unit, else two.
    latin1: bool,
    /// `capacity` units; those from `used` on are not initialised.
    data: NonNull<u8>,
}

impl Buffer {
    fn layout(capacity: usize, latin1: bool) -> Option<Layout> {
        let bytes = capacity.checked_mul(if latin1 { 1 } else { 2 })?;
        Layout::from_size_align(bytes, align_of::<u16>()).ok()
    }

    /// A buffer without contents; `None` when there is no memory for it.
    fn new(capacity: usize, latin1: bool) -> Option<NonNull<Self>> {
        let layout = Self::layout(capacity, latin1)?;
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: the layout is not of size zero.
        let data = NonNull::new(unsafe { alloc(layout) })?;
        let buffer = Self { refcount: Cell::new(0), used: Cell::new(0), capacity, latin1, data };
        Some(NonNull::from(Box::leak(Box::new(buffer))))
    }

    fn room(&self) -> usize {
        self.capacity - self.used.get()
    }

    /// Writes `part` behind the contents.
    ///
    /// # Safety
    /// There must be room, and a buffer of one-byte units takes such strings only.
    unsafe fn push(&self, part: JsStr<'_>) {
        let used = self.used.get();
        debug_assert!(part.len() <= self.room());
        // SAFETY: `used + part.len() <= capacity`, so all writes are inside the allocation, and behind everything that any view
        // may be reading; `part` cannot overlap with them, as nothing has a view of units from `used` on. `data` is aligned
        // for `u16`.
        unsafe {
            match part.variant() {
                JsStrVariant::Latin1(s) if self.latin1 => {
                    std::ptr::copy_nonoverlapping(s.as_ptr(), self.data.as_ptr().add(used), s.len());
                }
                JsStrVariant::Latin1(s) => {
                    let to = self.data.as_ptr().cast::<u16>().add(used);
                    for (i, byte) in s.iter().enumerate() {
                        to.add(i).write(u16::from(*byte));
                    }
                }
                JsStrVariant::Utf16(s) => {
                    debug_assert!(!self.latin1);
                    let to = self.data.as_ptr().cast::<u16>().add(used);
                    std::ptr::copy_nonoverlapping(s.as_ptr(), to, s.len());
                }
            }
        }
        self.used.set(used + part.len());
    }

    /// # Safety
    /// `len <= used`, and the buffer outlives the result.
    unsafe fn view(&self, len: usize) -> JsStr<'static> {
        // SAFETY: the first `len` units are initialised and never written again.
        unsafe {
            if self.latin1 {
                JsStr::latin1(std::slice::from_raw_parts(self.data.as_ptr(), len))
            } else {
                JsStr::utf16(std::slice::from_raw_parts(self.data.as_ptr().cast::<u16>(), len))
            }
        }
    }
}

/// A view of the beginning of a [`Buffer`].
#[repr(C)]
pub(crate) struct GrownString {
    /// Embedded `VTable` - must be the first field for vtable dispatch.
    vtable: JsStringVTable,
    refcount: Cell<usize>,
    buffer: NonNull<Buffer>,
}

impl GrownString {
    /// The whole contents of a buffer as a string.
    ///
    /// # Safety
    /// `buffer` comes from [`Buffer::new`] and is alive.
    unsafe fn of(buffer: NonNull<Buffer>) -> JsString {
        // SAFETY: promised by the caller.
        let shared = unsafe { buffer.as_ref() };
        shared.refcount.set(shared.refcount.get() + 1);
        let string = Box::new(Self {
            vtable: JsStringVTable {
                clone: grown_clone,
                drop: grown_drop,
                as_str: grown_as_str,
                code_points: grown_code_points,
                refcount: grown_refcount,
                len: shared.used.get(),
                kind: JsStringKind::Grown,
            },
            refcount: Cell::new(1),
            buffer,
        });
        // SAFETY: the pointer is to a struct that begins with the vtable.
        unsafe { JsString::from_ptr(NonNull::from(Box::leak(string)).cast()) }
    }
}

/// Where a string lies.
type Place = (*const u8, usize);

fn place(string: JsStr<'_>) -> Place {
    match string.variant() {
        JsStrVariant::Latin1(s) => (s.as_ptr(), s.len()),
        JsStrVariant::Utf16(s) => (s.as_ptr().cast(), s.len()),
    }
}

/// The strings of this thread that may be continued.
struct Candidates {
    /// Buffers that are alive: the last view that goes takes its buffer out of here.
    buffers: [Option<NonNull<Buffer>>; REMEMBERED],
    next_buffer: usize,
    /// Results of plain concatenations, only compared with, never read: they may be gone.
    results: [Place; REMEMBERED],
    next_result: usize,
}

thread_local! {
    static CANDIDATES: RefCell<Candidates> = const {
        RefCell::new(Candidates {
            buffers: [None; REMEMBERED],
            next_buffer: 0,
            results: [(std::ptr::null(), 0); REMEMBERED],
            next_result: 0,
        })
    };
}

/// The concatenation of `strings`, `len` units in all, if the first of them is a string that grows; `None` when it is to be
/// copied as usual, after which [`remember`] is told the result.
pub(crate) fn continued(strings: &[JsStr<'_>], len: usize, latin1: bool) -> Option<JsString> {
    // Template literals begin with an empty text.
    let strings = &strings[strings.iter().position(|s| !s.is_empty())?..];
    let (first, rest) = strings.split_first()?;
    if len < SHORTEST || first.len() < len / 2 {
        return None;
    }
    let (address, length) = place(*first);
    CANDIDATES
        .try_with(|candidates| {
            let mut candidates = candidates.try_borrow_mut().ok()?;
            // SAFETY: buffers in the list are alive.
            let found = candidates.buffers.iter().flatten().copied().find(|buffer| unsafe {
                let buffer = buffer.as_ref();
                std::ptr::eq(buffer.data.as_ptr(), address) && buffer.used.get() == length
            });
            // SAFETY: as above.
            if let Some(buffer) = found
                && let shared = unsafe { buffer.as_ref() }
                && shared.room() >= len - length
                && (!shared.latin1 || latin1)
            {
                for part in rest {
                    // SAFETY: there is room, and the units fit.
                    unsafe { shared.push(*part) };
                }
                // SAFETY: the buffer is alive.
                return Some(unsafe { GrownString::of(buffer) });
            }
            if found.is_none() && !candidates.results.contains(&(address, length)) {
                return None;
            }
            // A string that was built up before is continued, but there is no room: it moves to where there is.
            let spare = if len < DOUBLES_BELOW { len } else { len / 8 };
            let buffer = Buffer::new(len.checked_add(spare)?, latin1)?;
            // SAFETY: just made.
            let shared = unsafe { buffer.as_ref() };
            for part in strings {
                // SAFETY: the capacity is at least the sum of the lengths.
                unsafe { shared.push(*part) };
            }
            let next = candidates.next_buffer;
            candidates.buffers[next] = Some(buffer);
            candidates.next_buffer = (next + 1) % REMEMBERED;
            // SAFETY: the buffer is alive.
            Some(unsafe { GrownString::of(buffer) })
        })
        .ok()
        .flatten()
}

/// Takes note of a concatenation that was copied.
pub(crate) fn remember(result: JsStr<'_>) {
    if result.len() < SHORTEST {
        return;
    }
    // On a thread that ends, or inside of itself, nothing need be remembered.
    let _ = CANDIDATES.try_with(|candidates| {
        if let Ok(mut candidates) = candidates.try_borrow_mut() {
            let next = candidates.next_result;
            candidates.results[next] = place(result);
            candidates.next_result = (next + 1) % REMEMBERED;
        }
    });
}

fn this<'a>(vtable: NonNull<JsStringVTable>) -> &'a GrownString {
    // SAFETY: these functions are only in the vtable of a `GrownString`, and called with it while it is alive.
    unsafe { vtable.cast().as_ref() }
}

fn grown_clone(vtable: NonNull<JsStringVTable>) -> JsString {
    let this = this(vtable);
    let Some(strong) = this.refcount.get().checked_add(1) else {
        abort();
    };
    this.refcount.set(strong);
    // SAFETY: a valid string, counted once more.
    unsafe { JsString::from_ptr(vtable) }
}

fn grown_drop(vtable: NonNull<JsStringVTable>) {
    let string = this(vtable);
    let Some(left) = string.refcount.get().checked_sub(1) else {
        abort();
    };
    string.refcount.set(left);
    if left != 0 {
        return;
    }
    let buffer = string.buffer;
    // SAFETY: this was the last reference to the string, which came from a `Box`.
    drop(unsafe { Box::from_raw(vtable.cast::<GrownString>().as_ptr()) });
    // SAFETY: the buffer is alive: this string was counted in it.
    let shared = unsafe { buffer.as_ref() };
    let views = shared.refcount.get() - 1;
    shared.refcount.set(views);
    if views != 0 {
        return;
    }
    // The list is gone when the thread ends; then nobody looks into it either. It is never borrowed while strings are dropped.
    let _ = CANDIDATES.try_with(|candidates| {
        for slot in &mut candidates.borrow_mut().buffers {
            if *slot == Some(buffer) {
                *slot = None;
            }
        }
    });
    // SAFETY: no view is left, so both allocations can go; the layout is the one of the allocation.
    unsafe {
        if let Some(layout) = Buffer::layout(shared.capacity, shared.latin1) {
            dealloc(shared.data.as_ptr(), layout);
        }
        drop(Box::from_raw(buffer.as_ptr()));
    }
}

fn grown_as_str(vtable: NonNull<JsStringVTable>) -> JsStr<'static> {
    let this = this(vtable);
    // SAFETY: the string keeps its buffer alive, and its length was `used` once.
    unsafe { this.buffer.as_ref().view(this.vtable.len) }
}

fn grown_code_points(vtable: NonNull<JsStringVTable>) -> CodePointsIter<'static> {
    CodePointsIter::new(grown_as_str(vtable))
}

/// `VTable` function for refcount, need to return an `Option<usize>`.
#[allow(clippy::unnecessary_wraps)]
fn grown_refcount(vtable: NonNull<JsStringVTable>) -> Option<usize> {
    Some(this(vtable).refcount.get())
}
