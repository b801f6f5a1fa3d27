//! One writer for stderr, so that log lines and the progress display do not overwrite each other.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

/// The shared terminal: log lines scroll above a block of progress lines that is redrawn in place.
pub struct Terminal {
    state: Mutex<State>,
    interactive: bool,
    colors: bool,
}

struct State {
    out: Box<dyn Write + Send>,
    block: Vec<String>,
}

impl Terminal {
    /// stderr as it is: interactive when it is a terminal, colours unless `NO_COLOR` or the flag say otherwise.
    pub fn stderr(no_color: bool) -> Self {
        let interactive = std::io::stderr().is_terminal();
        let colors = interactive && !no_color && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self::new(Box::new(std::io::stderr()), interactive, colors)
    }

    /// A terminal on any writer.
    pub fn new(out: Box<dyn Write + Send>, interactive: bool, colors: bool) -> Self {
        Self { state: Mutex::new(State { out, block: Vec::new() }), interactive, colors }
    }

    /// Whether lines can be redrawn in place.
    pub fn interactive(&self) -> bool {
        self.interactive
    }

    /// Whether colours may be used.
    pub fn colors(&self) -> bool {
        self.colors
    }

    /// Columns of the terminal; 80 when unknown.
    pub fn columns(&self) -> usize {
        std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c >= 40).unwrap_or(100)
    }

    /// Writes one or more whole lines above the progress block. Errors are ignored: there is nobody left to tell.
    pub fn line(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        state.clear();
        let _ = writeln!(state.out, "{text}");
        state.draw();
    }

    /// Replaces the progress block; does nothing when not interactive.
    pub fn set_block(&self, lines: Vec<String>) {
        if !self.interactive {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        state.clear();
        state.block = lines;
        state.draw();
    }
}

impl State {
    fn clear(&mut self) {
        if !self.block.is_empty() {
            let _ = write!(self.out, "\x1b[{}A\r\x1b[J", self.block.len());
        }
    }

    fn draw(&mut self) {
        for line in &self.block {
            let _ = writeln!(self.out, "{line}");
        }
        let _ = self.out.flush();
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("interactive", &self.interactive).finish_non_exhaustive()
    }
}
