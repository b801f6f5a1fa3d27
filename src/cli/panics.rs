//! A panic is a bug of ours, in whatever thread: the run ends with 109. Without this a panic in a network task would lose one
//! request in silence, or leave a VU waiting for an answer that never comes.

use std::panic::PanicHookInfo;

use crate::error::ExitCode;
use crate::stop::{StopReason, StopSignal};

/// From now on a panic of any thread ends the run; what it says is printed as before.
pub(super) fn end_the_run(stop: StopSignal) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // A file that cannot be decoded is told of by whoever reads it.
        if crate::data::rows::is_decoding() {
            return;
        }
        print(panic);
        stop.trip(StopReason::Fatal(ExitCode::Panic as u8, text(panic)));
    }));
}

fn text(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!(
        "the thread '{}' of inrush panicked at {place}: this is a bug, please report it with the lines above",
        thread.name().unwrap_or("unnamed")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_anywhere_trips_the_stop_signal() {
        let stop = StopSignal::new();
        end_the_run(stop.clone());
        let thread = std::thread::Builder::new().name("lost".into()).spawn(|| panic!("a bug")).unwrap();
        assert!(thread.join().is_err());
        let _ = std::panic::take_hook();
        let Some(StopReason::Fatal(code, text)) = stop.reason() else { panic!("{:?}", stop.reason()) };
        assert_eq!(code, 109);
        assert!(text.contains("'lost'") && text.contains("panics.rs"), "{text}");
    }
}
