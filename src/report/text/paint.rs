//! Colours of the text summary, or none.

use anstyle::{AnsiColor, Style};

/// Paints when asked to.
#[derive(Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    pub(super) fn new(on: bool) -> Self {
        Self { on }
    }

    fn with(&self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Something that went well.
    pub(super) fn good(&self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// Something that went wrong.
    pub(super) fn bad(&self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    /// A heading.
    pub(super) fn strong(&self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// A value.
    pub(super) fn value(&self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    /// Something of minor interest.
    pub(super) fn faint(&self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    /// `✓` or `✗`.
    pub(super) fn mark(&self, ok: bool) -> String {
        if ok { self.good("✓") } else { self.bad("✗") }
    }
}
